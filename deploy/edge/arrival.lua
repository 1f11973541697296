-- What is settled about a request before anything else looks at it: the bounds of its headers, that it
-- names one host, the spelling of the token's scheme, HEAD, and what of its path may be logged. Above
-- the program stand HTTP_PREFIXES, HEADERS_BYTES_MAX and HEADERS_COUNT_MAX.

local NAMESPACE = "waybill"
-- A longer segment may be a secret in a place where none belongs (a feed's address has 75
-- characters); ids have 36, and method names of gRPC, which have dots before them, are ours.
local SEGMENT_CHARACTERS_MAX = 40

-- The path without its query, up to its first segment that may be a secret.
local function loggable(path)
  path = string.gsub(path, "[?#].*$", "")
  local kept = {}
  for segment in string.gmatch(path, "[^/]+") do
    if #segment > SEGMENT_CHARACTERS_MAX then
      kept[#kept + 1] = "…"
      break
    end
    kept[#kept + 1] = segment
  end
  return "/" .. table.concat(kept, "/")
end

-- The scheme's name may be written in any case (RFC 9110); what verifies the token knows one.
local function with_usual_scheme(authorization)
  local scheme, rest = string.match(authorization, "^(%a+) +(.*)$")
  if scheme and string.lower(scheme) == "bearer" then return "Bearer " .. rest end
  return authorization
end

-- JSON is transcoded by method and path, and no RPC is bound to HEAD; the HTTP ports know it.
local function is_served_as_get(method, path)
  if method ~= "HEAD" then return false end
  for _, prefix in ipairs(HTTP_PREFIXES) do
    if string.sub(path, 1, #prefix) == prefix then return false end
  end
  return true
end

-- gRPC decodes headers with such names, and answers what it cannot decode as a failure of its own.
-- Where the bytes are not a multiple of three, the last digit has bits to spare, which must be zero.
local LAST_DIGITS = {[0] = "^", [2] = "[AQgw]$", [3] = "[AEIMQUYcgkosw048]$"}

local function is_base64(text)
  local digits = string.match(text, "^([%w+/]*)=?=?$")
  local last = digits and LAST_DIGITS[#digits % 4]
  return last and string.find(digits, last) ~= nil
end

-- What is wrong with the headers, as a status and a text; nothing where they are good. Envoy's own
-- limits are wider, since it can only reset the stream of an HTTP/2 request that exceeds them.
local function problem(headers, protocol)
  local bytes, count = 0, 0
  for name, value in pairs(headers) do
    bytes, count = bytes + #name + #value, count + 1
    if bytes > HEADERS_BYTES_MAX or count > HEADERS_COUNT_MAX then return "431", "" end
    if string.sub(name, -4) == "-bin" and not is_base64(value) then
      return "400", "The header " .. string.sub(name, 1, 100) .. " is not base64."
    end
  end
  -- Two Host headers arrive joined. Over HTTP/2 a comma is gRPC's: a target of several addresses
  -- (`ipv4:a:1,b:2`) sends all of them as its authority.
  local is_http1 = string.sub(protocol or "", 1, 6) == "HTTP/1"
  if is_http1 and string.find(headers:get(":authority") or "", ",", 1, true) then
    return "400", "The request names more than one Host."
  end
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local method, path = headers:get(":method"), headers:get(":path") or "/"
  local metadata = handle:streamInfo():dynamicMetadata()
  metadata:set(NAMESPACE, "method", method)
  metadata:set(NAMESPACE, "path", loggable(path))
  local status, text = problem(headers, handle:streamInfo():protocol())
  if status then
    handle:respond({[":status"] = status}, text)
    return
  end
  local authorization = headers:get("authorization")
  if authorization then headers:replace("authorization", with_usual_scheme(authorization)) end
  if is_served_as_get(method, path) then
    metadata:set(NAMESPACE, "without_body", true)
    headers:replace(":method", "GET")
  end
end

-- Answers HEAD with the headers of GET, the length included, and no body. `handle` has the body only
-- after it was asked for, and Envoy sends it again once it was.
function envoy_on_response(handle)
  local ours = handle:streamInfo():dynamicMetadata():get(NAMESPACE)
  if not (ours and ours["without_body"]) then return end
  local body = handle:body()
  if not body then return end
  local length = handle:headers():get("content-length")
  body:setBytes("")
  if length then handle:headers():replace("content-length", length) end
end
