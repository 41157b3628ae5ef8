# shellcheck shell=bash
# Starting a server of ours and waiting until it answers. Sourced by the server scripts.

# Ports that nothing listens on now. They lie below the range the kernel gives to outgoing
# connections, so that none of those can take one before the server binds it; and `with` starts its
# servers at the same time, so each port is noted as taken in its directory.
free_ports() {
  python3 - "$1" <<'PYTHON'
import os, pathlib, random, socket, sys
together = os.environ.get("STRONGROOM_SERVER_OF")
taken = []
while len(taken) < int(sys.argv[1]):
    port = random.randrange(15000, 32000)
    candidate = socket.socket()
    try:
        candidate.bind(("127.0.0.1", port))
        if together:
            pathlib.Path(together, f"port-{port}").touch(exist_ok=False)
        taken.append(candidate)
    except OSError:
        candidate.close()
print(*[each.getsockname()[1] for each in taken])
PYTHON
}

# spawn DIRECTORY NAME COMMAND…: in a session of its own, its output in NAME.log, its id in NAME.pid.
spawn() {
  local directory=$1 name=$2
  shift 2
  setsid "$@" >"$directory/$name.log" 2>&1 </dev/null &
  echo $! >"$directory/$name.pid"
}

running() { kill -0 "$(cat "$1/$2.pid")" 2>/dev/null; }

# wait_for DIRECTORY NAME SECONDS CONDITION…: until the condition holds; fails with the log's end when
# the process dies or the time is over.
wait_for() {
  local directory=$1 name=$2 deadline=$((SECONDS + $3))
  shift 3
  until "$@" >/dev/null 2>&1; do
    if ! running "$directory" "$name" || [ "$SECONDS" -ge "$deadline" ]; then
      printf 'error: %s did not come up; the end of its log:\n' "$name" >&2
      tail -n 15 "$directory/$name.log" >&2
      return 1
    fi
    sleep 0.1
  done
}

answers() { curl --silent --output /dev/null --noproxy '*' --max-time 2 "$@"; }
succeeds() { curl --silent --fail --output /dev/null --noproxy '*' --max-time 2 "$1"; }
