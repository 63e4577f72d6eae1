"""
What Redis does in one go for the shared state: scripts in Lua, and how keys are written.

An entry is a hash of value ``v``, sequence ``s`` and end ``u``; a counter one
of its total ``t``, its end ``u`` and, behind ``=``, each change.  Redis lists
no keys in order: two sorted sets hold the places of the entries and of the
changes.  A place in them may be left over from a key that Redis has expired;
who meets it removes it.

Scripts are told the time.  What Redis does by its own clock comes later, so
that hosts whose clocks differ a little agree (:data:`SPARE`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

SPARE: Final = 3600.0
"""Seconds for which Redis keeps what is over: clocks differ by less."""

LATEST: Final = 10.0**11
"""When Redis forgets at the latest, in seconds since the epoch: it counts in 63 bits."""

MARK: Final = """
local known = redis.call('GET', KEYS[1])
if not known then
  redis.call('SET', KEYS[1], ARGV[1])
end
return known or ARGV[1]
"""

FORGOTTEN: Final = "FORGOTTEN"
"""How the answer begins that a script gives in a memory that does not have our mark."""

_GUARD: Final = f"""
if redis.call('GET', KEYS[#KEYS]) ~= ARGV[#ARGV] then
  return redis.error_reply('{FORGOTTEN} it has another mark, or none')
end
"""

PING: Final = """
redis.call('SET', KEYS[#KEYS], ARGV[#ARGV])
return 1
"""
"""Does what only a Redis can that takes changes."""

TRY: Final = """
redis.call('SET', KEYS[1], '1')
redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'v', '1')
redis.call('HSETNX', KEYS[1], 'v', '1')
redis.call('HGET', KEYS[1], 'v')
redis.call('HMGET', KEYS[1], 'v')
redis.call('HINCRBY', KEYS[1], 'v', '1')
redis.call('HDEL', KEYS[1], 'x')
redis.call('PEXPIREAT', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[1])
redis.call('ZADD', KEYS[1], 0, '1')
redis.call('ZRANGEBYLEX', KEYS[1], '-', '+', 'LIMIT', 0, 1)
redis.call('ZREM', KEYS[1], '1')
return redis.status_reply('DONE')
"""
"""Does once whatever the others do, to a key that is not left over."""

NOT_ALLOWED: Final = (
    "does not let the user do what is needed: allow it all keys that begin with the prefix, "
    "and the commands @read, @write, @scripting, @connection"
)

_THERE: Final = """
local function there(key, now)
  local found = redis.call('HMGET', key, 'v', 's', 'u')
  if found[1] then
    return found, tonumber(found[3]) >= tonumber(now)
  end
  return false, false
end
local function told(found)
  return found[2] .. ' ' .. found[3] .. ' ' .. found[1]
end
"""

_KEEP: Final = (
    _THERE
    + """
local function following(now, before)
  return string.format('%.0f', math.max(math.floor(now * 1000000), before + 1))
end
local function keep(value, sequence, ends, forgotten, place)
  redis.call('HSET', KEYS[1], 'v', value, 's', sequence, 'u', ends)
  redis.call('PEXPIREAT', KEYS[1], forgotten)
  redis.call('ZADD', KEYS[2], 0, place)
end
"""
)

FIND: Final = (
    _THERE
    + """
local found, is_there = there(KEYS[1], ARGV[1])
return is_there and told(found)
"""
)

CLAIM: Final = (
    _KEEP
    + """
local value, ends, forgotten, place, now = unpack(ARGV)
local found, is_there = there(KEYS[1], now)
if is_there then
  return told(found)
end
local sequence = following(now, found and found[2] or 0)
keep(value, sequence, ends, forgotten, place)
return sequence .. ' ' .. ends .. ' ' .. value
"""
)

PUT: Final = (
    _KEEP
    + """
local value, ends, forgotten, place, now, expected = unpack(ARGV)
local found, is_there = there(KEYS[1], now)
if expected ~= '' and expected ~= (is_there and found[2] or '0') then
  return 0
end
keep(value, following(now, found and found[2] or 0), ends, forgotten, place)
return 1
"""
)

RESTORE: Final = (
    _KEEP
    + """
local value, ends, forgotten, place, now, sequence = unpack(ARGV)
local found, is_there = there(KEYS[1], now)
if not is_there or tonumber(found[2]) < tonumber(sequence) then
  keep(value, sequence, ends, forgotten, place)
end
return 1
"""
)

DELETE: Final = """
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
"""

ADD: Final = """
local key, amount, ends, forgotten, place, now = unpack(ARGV)
local known = redis.call('HGET', KEYS[1], 'u')
if known and tonumber(known) < tonumber(now) then
  redis.call('DEL', KEYS[1])
  known = false
end
if redis.call('HSETNX', KEYS[1], '=' .. key, amount) == 1 then
  redis.call('HINCRBY', KEYS[1], 't', amount)
  redis.call('ZADD', KEYS[2], 0, place)
end
if not known or tonumber(known) < tonumber(ends) then
  redis.call('HSET', KEYS[1], 'u', ends)
  redis.call('PEXPIREAT', KEYS[1], forgotten)
end
return 1
"""

TOTAL: Final = """
local counter = redis.call('HMGET', KEYS[1], 't', 'u')
if counter[1] and tonumber(counter[2]) >= tonumber(ARGV[1]) then
  return tonumber(counter[1])
end
return 0
"""

SUBTRACT: Final = """
local amount = redis.call('HGET', KEYS[1], '=' .. ARGV[1])
if amount then
  redis.call('HDEL', KEYS[1], '=' .. ARGV[1])
  redis.call('HINCRBY', KEYS[1], 't', string.format('%.0f', 0 - tonumber(amount)))
end
redis.call('ZREM', KEYS[2], ARGV[2])
return 1
"""

_PAGE: Final = """
local after, limit, now, prefix = unpack(ARGV)
local places = redis.call('ZRANGEBYLEX', KEYS[1], '(' .. after, '+', 'LIMIT', 0, limit)
local answer = {}
local function write(text)
  answer[#answer + 1] = #text .. ':' .. text
end
write(tostring(#places))
write(places[#places] or '')
"""

ENTRIES: Final = (
    _THERE
    + _PAGE
    + """
for _, place in ipairs(places) do
  local found, is_there = there(prefix .. place, now)
  if not found then
    redis.call('ZREM', KEYS[1], place)
  elseif is_there then
    write(place)
    write(told(found))
  end
end
return table.concat(answer)
"""
)

CLEAR_ENTRIES: Final = (
    _THERE
    + _PAGE
    + """
for _, place in ipairs(places) do
  local found, is_there = there(prefix .. place, now)
  if not is_there then
    redis.call('DEL', prefix .. place)
    redis.call('ZREM', KEYS[1], place)
  end
end
return table.concat(answer)
"""
)

_CHANGE: Final = """
local function split(place)
  local cut = string.find(place, '\\0\\1', 1, true)
  return prefix .. string.sub(place, 1, cut - 1), '=' .. string.sub(place, cut + 2)
end
"""

DELTAS: Final = (
    _PAGE
    + _CHANGE
    + """
for _, place in ipairs(places) do
  local counter, key = split(place)
  local change = redis.call('HMGET', counter, key, 'u')
  if not change[1] then
    redis.call('ZREM', KEYS[1], place)
  elseif tonumber(change[2]) >= tonumber(now) then
    write(place)
    write(change[1] .. ' ' .. change[2])
  end
end
return table.concat(answer)
"""
)

CLEAR_DELTAS: Final = (
    _PAGE
    + _CHANGE
    + """
for _, place in ipairs(places) do
  local counter, key = split(place)
  local change = redis.call('HMGET', counter, key, 'u')
  if change[2] and tonumber(change[2]) < tonumber(now) then
    redis.call('DEL', counter)
    change[1] = false
  end
  if not change[1] then
    redis.call('ZREM', KEYS[1], place)
  end
end
return table.concat(answer)
"""
)


def guarded(script: str) -> str:
    """Let a script do nothing in a memory whose mark, its last key, is not its last value."""
    return _GUARD + script


def escaped(word: str) -> bytes:
    """Write a kind or the name of a counter so that no zero byte before a one is in it."""
    return word.encode().replace(b"\0", b"\0\xff")


def place_of(first: str, second: str) -> bytes:
    """Write a kind and key, or a counter and the key of a change, in the order of their bytes."""
    return escaped(first) + b"\0\1" + second.encode()


def words_of(place: bytes) -> tuple[str, str]:
    """Read what :func:`place_of` wrote."""
    first, _, second = place.partition(b"\0\1")
    return first.replace(b"\0\xff", b"\0").decode(), second.decode()


def texts_of(page: bytes) -> Iterator[bytes]:
    """Read the texts of a page, each of which stands behind its length."""
    at = 0
    while at < len(page):
        colon = page.index(b":", at)
        end = colon + 1 + int(page[at:colon])
        yield page[colon + 1 : end]
        at = end
