"""The descriptor set that the transcoder reads."""

from google.protobuf import any_pb2, descriptor_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

# In this order each file follows what it imports.
_ERROR_FILES = (any_pb2, duration_pb2, error_details_pb2, status_pb2)


def with_error_details(image: bytes) -> bytes:
    """A FileDescriptorSet with the error details added that our protos do not import.

    Without `google/rpc/error_details.proto` the transcoder cannot write BadRequest, ErrorInfo or
    RetryInfo as JSON. Raises google.protobuf.message.DecodeError when `image` is none.
    """
    files = descriptor_pb2.FileDescriptorSet.FromString(image)
    present = {file.name for file in files.file}
    for module in _ERROR_FILES:
        if module.DESCRIPTOR.name not in present:
            files.file.add().ParseFromString(module.DESCRIPTOR.serialized_pb)
    return files.SerializeToString()
