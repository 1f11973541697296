-- Refuses JSON bodies with fields that the request message does not have: Envoy's transcoder drops
-- such fields without a word. Also a grpc-timeout that is none, which a gRPC server would answer as a
-- failure of its own. ROUTES and TYPES stand above, made from the descriptor set:
--   ROUTES[i] = {method, pattern of the path, name of the body's type}
--   TYPES[name][field] = name of the field's type, or false where anything may stand

local DEPTH_MAX = 100

local function refuse(text)
  error({refused = text}, 0)
end

local function malformed()
  refuse("The body is not valid JSON.")
end

local function skip_blanks(text, at)
  return string.find(text, "[^ \t\r\n]", at) or #text + 1
end

-- The position behind the closing quote of the string that opens at `at`.
local function behind_string(text, at)
  local from = at + 1
  while true do
    local found = string.find(text, '["\\]', from)
    if not found then malformed() end
    if string.byte(text, found) == 34 then return found + 1 end
    from = found + 2
  end
end

-- Field names are ASCII, so an escape of anything else makes a name that no field has.
local function unescaped(name)
  name = string.gsub(name, "\\u(%x%x%x%x)", function(digits)
    local code = tonumber(digits, 16)
    return code < 128 and string.char(code) or "?"
  end)
  return (string.gsub(name, "\\(.)", "%1"))
end

local check_value

local function check_list(text, at, type_name, path, depth)
  at = skip_blanks(text, at + 1)
  if string.byte(text, at) == 93 then return at + 1 end
  while true do
    at = skip_blanks(text, check_value(text, at, type_name, path, depth))
    local byte = string.byte(text, at)
    if byte == 93 then return at + 1 end
    if byte ~= 44 then malformed() end
    at = skip_blanks(text, at + 1)
  end
end

-- What type a field has, false where anything may stand; refuses a field that is not there.
local function type_of(fields, name, path)
  if not fields then return false end
  local found = fields[name]
  if found == nil then found = fields["*"] end
  if found == nil then refuse("Unknown field: " .. string.sub(path .. name, 1, 200)) end
  return found
end

local function check_object(text, at, type_name, path, depth)
  local fields = type_name and TYPES[type_name]
  at = skip_blanks(text, at + 1)
  if string.byte(text, at) == 125 then return at + 1 end
  while true do
    if string.byte(text, at) ~= 34 then malformed() end
    local behind = behind_string(text, at)
    local name = unescaped(string.sub(text, at + 1, behind - 2))
    local field_type = type_of(fields, name, path)
    at = skip_blanks(text, behind)
    if string.byte(text, at) ~= 58 then malformed() end
    at = skip_blanks(text, at + 1)
    at = skip_blanks(text, check_value(text, at, field_type, path .. name .. ".", depth))
    local byte = string.byte(text, at)
    if byte == 125 then return at + 1 end
    if byte ~= 44 then malformed() end
    at = skip_blanks(text, at + 1)
  end
end

local LITERALS = {["true"] = true, ["false"] = true, ["null"] = true}

-- Checks the value that starts at `at`; the position behind it.
function check_value(text, at, type_name, path, depth)
  if depth > DEPTH_MAX then refuse("The body is nested too deeply.") end
  local byte = string.byte(text, at)
  if byte == 123 then return check_object(text, at, type_name, path, depth + 1) end
  if byte == 91 then return check_list(text, at, type_name, path, depth + 1) end
  if byte == 34 then return behind_string(text, at) end
  local _, last, word = string.find(text, "^([%w%.%+%-]+)", at)
  if not word then malformed() end
  if not (LITERALS[word] or string.find(word, "^%-?%d+%.?%d*[eE]?[%+%-]?%d*$")) then malformed() end
  return last + 1
end

local function check_body(text, type_name)
  local behind = check_value(text, skip_blanks(text, 1), type_name, "", 0)
  if skip_blanks(text, behind) <= #text then malformed() end
end

-- The type of the body at this method and path; the transcoder, too, ignores slashes at the end.
local function body_type(method, path)
  path = string.gsub(string.gsub(path, "%?.*$", ""), "/+$", "")
  for _, route in ipairs(ROUTES) do
    if route[1] == method and string.find(path, route[2]) then return route[3] end
  end
  return nil
end

-- What the transcoder lets pass as gRPC; "application/grpcx" and "application/grpc;a=b" it does not.
local function is_grpc(content_type)
  return content_type == "application/grpc" or string.find(content_type, "^application/grpc%+")
end

-- At most eight digits and a unit, as gRPC over HTTP/2 has it.
local function is_timeout(text)
  local digits = string.match(text, "^(%d+)[HMSmun]$")
  return digits and #digits <= 8
end

function envoy_on_request(handle)
  local headers = handle:headers()
  if is_grpc(headers:get("content-type") or "") then return end
  if not is_timeout(headers:get("grpc-timeout") or "1S") then
    handle:respond({[":status"] = "400"}, "The grpc-timeout header is not a timeout, for example 5S.")
    return
  end
  local type_name = body_type(headers:get(":method"), headers:get(":path"))
  if not type_name then return end
  local body = handle:body()
  if not body or body:length() == 0 then return end
  local good, problem = pcall(check_body, body:getBytes(0, body:length()), type_name)
  if good then return end
  if type(problem) == "table" then
    handle:respond({[":status"] = "400"}, problem.refused)
  else
    -- A bug of ours: without an answer here Envoy would let the request pass unchecked.
    handle:logErr("body_check: " .. tostring(problem))
    handle:respond({[":status"] = "500"}, "")
  end
end
