-- Refuses JSON bodies that Envoy's transcoder would change without a word: it drops fields that the
-- request message does not have, and all but the last of a name that is given twice; it takes an object
-- for a list of one, flattens lists within lists, and drops their nulls. Also headers of a JSON call that
-- a gRPC server would answer as a failure of its own. ROUTES and TYPES stand above, made from the
-- descriptor set:
--   ROUTES[i] = {method, pattern of the path, kind of the body}
--   TYPES[name][field] = {the field's name in the proto, form, kind of one value}
-- where the form is "one", "list" or "map", and a kind is the name of a message in TYPES, or "value" for
-- what JSON writes as a string, number or boolean, "any", "struct" or "values" for anything, any object
-- and any list.

-- Messages within one another, as the services read them: JSON's own nesting costs more in a Struct.
local DEPTH_MAX = 99
local FREE_OBJECT_DEPTH, FREE_LIST_DEPTH = 3, 2

local function refuse(text)
  error({refused = text}, 0)
end

local function refuse_field(path, text)
  if path == "" then refuse("The body " .. text .. ".") end
  refuse(string.sub(path, 1, 200) .. ": " .. text)
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

local function utf8(code)
  local char, floor = string.char, math.floor
  if code < 0x80 then return char(code) end
  if code < 0x800 then return char(0xC0 + floor(code / 0x40), 0x80 + code % 0x40) end
  local last_two = char(0x80 + floor(code / 0x40) % 0x40, 0x80 + code % 0x40)
  if code < 0x10000 then return char(0xE0 + floor(code / 0x1000)) .. last_two end
  return char(0xF0 + floor(code / 0x40000), 0x80 + floor(code / 0x1000) % 0x40) .. last_two
end

local ESCAPES = {b = "\b", f = "\f", n = "\n", r = "\r", t = "\t"}

-- The name that a JSON string without its quotes stands for.
local function unescaped(text)
  local parts, from = {}, 1
  while true do
    local found = string.find(text, "\\", from, true)
    parts[#parts + 1] = string.sub(text, from, (found or 0) - 1)
    if not found then return table.concat(parts) end
    local high, low = string.match(text, "^u([dD][89abAB]%x%x)\\u([dD][c-fC-F]%x%x)", found + 1)
    local digits = string.match(text, "^u(%x%x%x%x)", found + 1)
    if high then
      local above = (tonumber(high, 16) - 0xD800) * 0x400 + tonumber(low, 16) - 0xDC00
      parts[#parts + 1], from = utf8(0x10000 + above), found + 12
    elseif digits then
      parts[#parts + 1], from = utf8(tonumber(digits, 16)), found + 6
    else
      local letter = string.sub(text, found + 1, found + 1)
      parts[#parts + 1], from = ESCAPES[letter] or letter, found + 2
    end
  end
end

-- The place of `name` below the object at `path`.
local function below(path, name)
  if path == "" then return name end
  return path .. "." .. name
end

local check_one

-- Calls `check` at each element, with its number; the position behind the list.
local function each_element(text, at, check)
  at = skip_blanks(text, at + 1)
  if string.byte(text, at) == 93 then return at + 1 end
  local number = 0
  while true do
    at = skip_blanks(text, check(at, number))
    number = number + 1
    local byte = string.byte(text, at)
    if byte == 93 then return at + 1 end
    if byte ~= 44 then malformed() end
    at = skip_blanks(text, at + 1)
  end
end

-- Calls `check` at each value, with its name; the position behind the object.
local function each_member(text, at, check)
  at = skip_blanks(text, at + 1)
  if string.byte(text, at) == 125 then return at + 1 end
  while true do
    if string.byte(text, at) ~= 34 then malformed() end
    local behind = behind_string(text, at)
    local name = unescaped(string.sub(text, at + 1, behind - 2))
    at = skip_blanks(text, behind)
    if string.byte(text, at) ~= 58 then malformed() end
    at = skip_blanks(text, check(skip_blanks(text, at + 1), name))
    local byte = string.byte(text, at)
    if byte == 125 then return at + 1 end
    if byte ~= 44 then malformed() end
    at = skip_blanks(text, at + 1)
  end
end

local function once(seen, name, path)
  if seen[name] then refuse_field(path, "must be given once") end
  seen[name] = true
end

local function check_list(text, at, kind, path, depth)
  return each_element(text, at, function(position, number)
    local place = path .. "[" .. number .. "]"
    if kind ~= "any" and string.find(text, "^null", position) then
      refuse_field(place, "must not be null")
    end
    return check_one(text, position, kind, place, depth)
  end)
end

local function check_map(text, at, kind, path, depth)
  local seen = {}
  return each_member(text, at, function(position, name)
    local place = below(path, name)
    once(seen, name, place)
    if kind ~= "any" and string.find(text, "^null", position) then
      refuse_field(place, "must not be null")
    end
    return check_one(text, position, kind, place, depth)
  end)
end

local function check_field(text, at, form, kind, path, depth)
  if form == "one" or string.find(text, "^null", at) then
    return check_one(text, at, kind, path, depth)
  end
  local byte = string.byte(text, at)
  if form == "list" then
    if byte ~= 91 then refuse_field(path, "must be a list") end
    return check_list(text, at, kind, path, depth)
  end
  if byte ~= 123 then refuse_field(path, "must be an object") end
  return check_map(text, at, kind, path, depth + 1)
end

local function check_message(text, at, fields, path, depth)
  local seen = {}
  return each_member(text, at, function(position, name)
    local place = below(path, name)
    local field = fields[name]
    if not field then refuse("Unknown field: " .. string.sub(place, 1, 200)) end
    once(seen, field[1], place)
    return check_field(text, position, field[2], field[3], place, depth)
  end)
end

local LITERALS = {["true"] = true, ["false"] = true, ["null"] = true}

-- Checks a string, number, boolean or null; the position behind it.
local function behind_scalar(text, at)
  if string.byte(text, at) == 34 then return behind_string(text, at) end
  local _, last, word = string.find(text, "^([%w%.%+%-]+)", at)
  if not word then malformed() end
  if LITERALS[word] then return last + 1 end
  if not string.find(word, "^%-?%d+%.?%d*[eE]?[%+%-]?%d*$") then malformed() end
  return last + 1
end

local IS_LIST = {any = true, values = true}
local IS_OBJECT = {any = true, struct = true}

-- Checks the one value of this kind that starts at `at`; the position behind it.
function check_one(text, at, kind, path, depth)
  if depth > DEPTH_MAX then refuse("The body is nested too deep.") end
  local byte = string.byte(text, at)
  local fields = TYPES[kind]
  if byte == 123 then
    if fields then return check_message(text, at, fields, path, depth + 1) end
    if IS_OBJECT[kind] then return check_map(text, at, "any", path, depth + FREE_OBJECT_DEPTH) end
    refuse_field(path, kind == "values" and "must be a list" or "must not be an object")
  end
  if byte == 91 then
    if IS_LIST[kind] then return check_list(text, at, "any", path, depth + FREE_LIST_DEPTH) end
    refuse_field(path, "must not be a list")
  end
  local behind = behind_scalar(text, at)
  if kind == "value" or kind == "any" or string.find(text, "^null", at) then return behind end
  refuse_field(path, kind == "values" and "must be a list" or "must be an object")
end

local function check_body(text, kind)
  local at = skip_blanks(text, 1)
  if string.find(text, "^null", at) then refuse_field("", "must be an object") end
  local behind = check_one(text, at, kind, "", 0)
  if skip_blanks(text, behind) <= #text then malformed() end
end

-- The kind of the body at this method and path; the transcoder, too, ignores slashes at the end.
local function body_kind(method, path)
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

-- Headers of gRPC that mean something in a JSON call as well.
local SHARED_HEADERS = {["grpc-timeout"] = true, ["grpc-accept-encoding"] = true}

-- What is wrong with the headers of a call that is not gRPC, or nothing.
local function header_problem(headers)
  if not is_timeout(headers:get("grpc-timeout") or "1S") then
    return "The grpc-timeout header is not a timeout, for example 5S."
  end
  for name in pairs(headers) do
    if string.sub(name, 1, 5) == "grpc-" and not SHARED_HEADERS[name] then
      return "The header " .. string.sub(name, 1, 100) .. " is of gRPC calls only."
    end
  end
end

-- What is wrong with how the body is written, or nothing. Without a Content-Type it is taken as JSON.
local function writing_problem(headers)
  local encoding = string.lower(headers:get("content-encoding") or "")
  if encoding ~= "" and encoding ~= "identity" then
    return "The body has a Content-Encoding: send it uncompressed."
  end
  local written = string.match(string.lower(headers:get("content-type") or ""), "^%s*([^;%s]*)")
  if written ~= "" and written ~= "application/json" and not string.find(written, "%+json$") then
    return "The body must be JSON: send it with Content-Type: application/json."
  end
end

local function refuse_request(handle, status, text)
  handle:respond({[":status"] = status}, text)
end

function envoy_on_request(handle)
  local headers = handle:headers()
  if is_grpc(headers:get("content-type") or "") then return end
  local wrong_header = header_problem(headers)
  if wrong_header then return refuse_request(handle, "400", wrong_header) end
  local kind = body_kind(headers:get(":method"), headers:get(":path"))
  if not kind then return end
  -- Once the body was waited for, the headers can no longer be read.
  local wrong_writing = writing_problem(headers)
  local body = handle:body()
  if not body or body:length() == 0 then return end
  if wrong_writing then return refuse_request(handle, "415", wrong_writing) end
  local good, problem = pcall(check_body, body:getBytes(0, body:length()), kind)
  if good then return end
  if type(problem) == "table" then
    return refuse_request(handle, "400", problem.refused)
  end
  -- A bug of ours: without an answer here Envoy would let the request pass unchecked.
  handle:logErr("body_check: " .. tostring(problem))
  refuse_request(handle, "500", "")
end
