"""Prints the Envoy configuration: `python -m deploy.edge --print --listen ... --service ...`."""

import argparse
import json
import sys
from pathlib import Path

from deploy.edge.bootstrap import bootstrap
from deploy.edge.config import Address, EdgeConfig, TlsFiles


def _service(text: str) -> tuple[str, Address]:
    name, equals, address = text.partition("=")
    if not equals:
        raise ValueError(f"{text!r} is not name=host:port")
    return name, Address.parse(address)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.edge", description=__doc__)
    parser.add_argument("--print", action="store_true", required=True, help="to standard output")
    parser.add_argument("--listen", type=Address.parse, default=Address.parse("127.0.0.1:8080"))
    parser.add_argument("--ingest-http", type=Address.parse, required=True, metavar="HOST:PORT")
    parser.add_argument(
        "--service",
        type=_service,
        action="append",
        required=True,
        metavar="NAME=HOST:PORT",
        help="a service and its gRPC address; once for each",
    )
    parser.add_argument(
        "--transcode",
        action="append",
        required=True,
        metavar="PACKAGE.SERVICE",
        help="a gRPC service to be served as JSON; once for each",
    )
    parser.add_argument("--descriptor-set", type=Path, required=True)
    parser.add_argument("--jwks", type=Path, required=True, help="file with the keys")
    parser.add_argument("--issuer", required=True)
    parser.add_argument("--audience", action="append", required=True)
    parser.add_argument("--access-log", type=Path, default=Path("/dev/stdout"))
    parser.add_argument("--admin-socket", type=Path, required=True, help="of mode 600")
    for name in ("authorities", "certificate", "private-key"):
        parser.add_argument(f"--tls-{name}", type=Path, help="PEM file for calls to the services")
    return parser


def _tls(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> TlsFiles | None:
    files = (chosen.tls_authorities, chosen.tls_certificate, chosen.tls_private_key)
    if not any(files):
        return None
    if not all(files):
        parser.error("of the three --tls- files all are needed or none")
    return TlsFiles(authorities=files[0], certificate=files[1], private_key=files[2])


def main(arguments: list[str] | None = None) -> None:
    """Entry point; wrong arguments end with exit code 2."""
    parser = _arguments()
    chosen = parser.parse_args(arguments)
    try:
        config = EdgeConfig(
            listen=chosen.listen,
            ingest_http=chosen.ingest_http,
            services=dict(chosen.service),
            descriptor_set=chosen.descriptor_set,
            transcoded=tuple(chosen.transcode),
            jwks=chosen.jwks.read_text(),
            issuer=chosen.issuer,
            audiences=tuple(chosen.audience),
            access_log=chosen.access_log,
            admin_socket=chosen.admin_socket,
            upstream_tls=_tls(parser, chosen),
        )
        configuration = bootstrap(config)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    json.dump(configuration, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
