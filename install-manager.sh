#!/bin/sh
# Installs, tests and removes the server: install-manager.sh systemd|debian|docker|podman|--test|--uninstall [--purge]
#
#   systemd      from this checkout into /opt/hmac-file-server, with a systemd unit (any Linux)
#   debian       builds the Debian package and installs it
#   docker       builds the container image and starts it with Docker
#   podman       the same with Podman
#   --test       looks at every installation on this machine and uploads a file to it
#   --uninstall  removes every installation made by this script; uploads, configuration and secret stay, unless
#                --purge is given too
#
# All of it can be run again at any time: an installation is brought up to date, and its configuration, secret and
# uploads stay as they are.
#
# HMACFS_IMAGE and HMACFS_PACKAGE name an image or a package to use in place of building one,
# HMACFS_CONTAINER_OPTIONS what else "run" is told, in place of "--publish 127.0.0.1:8080:8080", and HMACFS_ETC the
# directory of configuration and secret.
set -eu
# The server, which is another user, has to read the program.
umask 022
export PATH="$PATH:/usr/sbin:/sbin"

NAME=hmac-file-server
ETC=${HMACFS_ETC:-/etc/$NAME}
OPT=/opt/$NAME
STATE=/var/lib/$NAME
UNIT=/etc/systemd/system/$NAME.service
COMMAND=/usr/local/bin/$NAME
IMAGE=${HMACFS_IMAGE:-localhost/$NAME}

here=$(dirname "$(readlink -f "$0")")
version=$(sed -n 's/^VERSION: Final = "\(.*\)"$/\1/p' "$here/hmacfs/base/version.py")

say() {
    echo "install-manager: $*" >&2
}

die() {
    say "$*"
    exit 1
}

usage() {
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
    exit "$1"
}

need_root() {
    [ "$(id -u)" = 0 ] || die "only root can do this"
}

need() {
    command -v "$1" >/dev/null || die "$1 is not installed"
}

random_secret() {
    "$here/tools/python" -c 'import secrets; print(secrets.token_hex(32))'
}

# keep FILE MODE OWNER: puts what comes in at FILE, whole or not at all; what is there stays.
keep() {
    if [ -e "$1" ]; then
        cat >/dev/null
        return
    fi
    (umask 077 && cat >"$1.new") && [ -s "$1.new" ] && chown "$3" "$1.new" && chmod "$2" "$1.new" && mv "$1.new" "$1" ||
        { rm -f "$1.new"; die "$1 could not be written; perhaps the disk is full"; }
}

install_systemd() {
    need_root
    need systemctl
    if [ -e "/usr/lib/$NAME" ]; then
        die "the Debian package is installed; remove it first, or use: $0 debian"
    fi
    if ! getent passwd "$NAME" >/dev/null; then
        useradd --system --user-group --no-create-home --home-dir "$STATE" --shell /usr/sbin/nologin "$NAME"
    fi
    mkdir -p "$ETC" "$STATE" "$OPT"
    chown "root:$NAME" "$ETC" && chmod 0750 "$ETC"
    chown "$NAME:$NAME" "$STATE" && chmod 0750 "$STATE"
    random_secret | keep "$ETC/secret" 0640 "root:$NAME"
    keep "$ETC/config.toml" 0640 "root:$NAME" <"$here/debian/config.toml"

    # Beside the one that runs, which is not touched; the link is exchanged at the end.
    release="$OPT/$version-$(date +%Y%m%d%H%M%S)-$$"
    mkdir "$release"
    trap 'rm -rf "$release"' EXIT
    (cd "$here" && tar --create --exclude=__pycache__ LICENSE hmacfs requirements serve setup.py tools twisted) |
        tar --extract --no-same-owner --directory "$release" && chmod -R u=rwX,go=rX "$release" ||
        die "$release could not be written, perhaps because the disk is full; nothing was changed"
    "$release/serve" -version >&2 || die "the libraries could not be installed, see above; nothing was changed"
    "$release/.venv/bin/python" -m compileall -q "$release/hmacfs" "$release/.venv/lib" >/dev/null || true
    check "$release/.venv/bin/$NAME"
    ln -sfn "$release" "$OPT/current.new" && mv -T "$OPT/current.new" "$OPT/current"
    trap - EXIT
    ln -sf "$OPT/current/.venv/bin/$NAME" "$COMMAND"
    sed "s#^ExecStart=/usr/bin/$NAME#ExecStart=$OPT/current/.venv/bin/$NAME#" "$here/debian/$NAME.service" >"$UNIT.new"
    mv "$UNIT.new" "$UNIT"
    systemctl daemon-reload
    systemctl --quiet enable "$NAME"
    systemctl restart "$NAME" 2>/dev/null || die "it is installed and could not be started: $(reason)"
    for old in "$OPT"/[0-9]*; do
        [ "$old" = "$release" ] || rm -rf "$old"
    done
    say "version $version runs; the lines for the XMPP server: $NAME xmpp-config prosody|ejabberd|nginx|apache"
}

# check COMMAND: nothing is exchanged that could not start with the configuration that there is.
check() {
    setpriv --reuid="$NAME" --regid="$NAME" --init-groups "$1" -validate-quiet -config "$ETC/config.toml" >&2 ||
        die "$ETC/config.toml cannot be used, see above; what was installed before goes on as it is"
}

# reason: why the service did not start, as it has said itself.
reason() {
    said=$(journalctl --quiet --no-pager --lines=50 --output=cat --unit="$NAME" 2>/dev/null |
        sed -n 's/.*#critical\] //p' | tail -n 1)
    echo "${said:-see systemctl status $NAME}"
}

install_debian() {
    need_root
    need apt-get
    package=${HMACFS_PACKAGE:-}
    [ -n "$package" ] || package=$("$here/debian/build") || die "the package could not be built, see above"
    apt-get install -y -o DPkg::Lock::Timeout=300 --allow-downgrades --reinstall "$package" >&2
    say "version $version is installed"
}

# install_container ENGINE
install_container() {
    need "$1"
    [ -n "${HMACFS_IMAGE:-}" ] || "$1" build --tag "$IMAGE" --file "$here/Containerfile" "$here" >&2 || die "the image could not be built, see above"
    start_container "$1"
}

start_container() {
    secret="$ETC/container-secret"
    [ "$(id -u)" = 0 ] || secret="${XDG_CONFIG_HOME:-$HOME/.config}/$NAME/container-secret"
    mkdir -p "$(dirname "$secret")"
    if [ "$(id -u)" = 0 ]; then
        random_secret | keep "$secret" 0400 1011:1011
    else
        # The server has another number outside of the container, so the directory is closed in place of the file.
        chmod 0700 "$(dirname "$secret")"
        random_secret | keep "$secret" 0444 "$(id -u):$(id -g)"
    fi
    "$1" rm --force "$NAME" >/dev/null 2>&1 || true
    # shellcheck disable=SC2086 # options, one a word
    "$1" run --detach --name "$NAME" --restart unless-stopped --read-only --cap-drop ALL --tmpfs /tmp \
        --security-opt no-new-privileges --stop-timeout 15 ${HMACFS_CONTAINER_OPTIONS:---publish 127.0.0.1:8080:8080} \
        --volume "$NAME:$STATE" --volume "$secret:/run/secrets/$NAME:ro" "$IMAGE" >/dev/null
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
        if "$1" exec "$NAME" "$NAME" health >/dev/null 2>&1; then
            say "version $version runs in a container; its secret is in $secret"
            return
        fi
        sleep 1
    done
    die "the container does not answer, see: $1 logs $NAME"
}

# try_out COMMAND...: uploads a file to the server that the command belongs to, and has it back.
try_out() {
    "$@" health >/dev/null || return 1
    name="install-manager/$(date +%s)-$$.txt"
    url=$("$@" sign -scheme v -path "$name" -size 5 -base-url "http://$("$@" -validate-verbose 2>/dev/null | address)")
    # Not as an argument: everybody on the machine can read those, and the URL is signed.
    SIGNED_URL=$url "$here/tools/python" - <<'END'
import os
import urllib.request

url = os.environ["SIGNED_URL"]
upload = urllib.request.Request(url, b"hello", {"Content-Type": "text/plain"}, method="PUT")
with urllib.request.urlopen(upload, timeout=20) as answer:
    assert answer.status == 201, answer.status
with urllib.request.urlopen(url.partition("?")[0], timeout=20) as answer:
    assert answer.read() == b"hello"
END
    "$@" rm "$name" >/dev/null
}

address() {
    sed -n 's/^server\.listen_address *= *"\{0,1\}\([^" ]*\)"\{0,1\}.*/\1/p' | sed 's/^:*\([0-9]*\)$/127.0.0.1:\1/; s/^0\.0\.0\.0:/127.0.0.1:/'
}

test_all() {
    found= failed=
    if [ -e "$UNIT" ] || [ -e "/usr/lib/$NAME" ]; then
        found=yes
        command=$COMMAND
        [ -e "$command" ] || command=/usr/bin/$NAME
        if try_out "$command" -config "$ETC/config.toml"; then say "the service works"; else say "the service FAILS"; failed=yes; fi
    fi
    for engine in docker podman; do
        if command -v "$engine" >/dev/null && "$engine" inspect "$NAME" >/dev/null 2>&1; then
            found=yes
            if "$engine" exec "$NAME" "$NAME" health >/dev/null; then say "the container of $engine works"
            else say "the container of $engine FAILS"; failed=yes; fi
        fi
    done
    [ -n "$found" ] || die "nothing is installed"
    [ -z "$failed" ]
}

uninstall() {
    for engine in docker podman; do
        if command -v "$engine" >/dev/null && "$engine" inspect "$NAME" >/dev/null 2>&1; then
            "$engine" rm --force "$NAME" >/dev/null
            [ -z "$1" ] || "$engine" volume rm "$NAME" >/dev/null 2>&1 || true
            say "removed the container of $engine"
        fi
    done
    if [ -e "$UNIT" ]; then
        need_root
        systemctl --quiet disable --now "$NAME" || true
        rm -rf "$UNIT" "$OPT" "$COMMAND"
        systemctl daemon-reload
        say "removed the service"
    fi
    if [ -e "/usr/lib/$NAME" ]; then
        need_root
        apt-get remove -y -o DPkg::Lock::Timeout=300 "$NAME" >&2
        say "removed the package"
    fi
    if [ -n "$1" ]; then
        need_root
        if dpkg-query --show "$NAME" >/dev/null 2>&1; then dpkg --purge "$NAME" >&2; fi
        rm -rf "$ETC" "$STATE"
        if getent passwd "$NAME" >/dev/null; then userdel "$NAME"; fi
        say "removed configuration, secret and uploads"
    elif [ -e "$ETC" ] || [ -e "$STATE" ]; then
        say "configuration and secret in $ETC and the uploads in $STATE were kept; --purge removes them"
    fi
}

case "${1-}" in
    systemd) [ $# = 1 ] || usage 2 >&2; install_systemd ;;
    debian) [ $# = 1 ] || usage 2 >&2; install_debian ;;
    docker | podman) [ $# = 1 ] || usage 2 >&2; install_container "$1" ;;
    --test) [ $# = 1 ] || usage 2 >&2; test_all ;;
    --uninstall)
        case "${2-}" in
            '') uninstall '' ;;
            --purge) uninstall purge ;;
            *) usage 2 >&2 ;;
        esac
        ;;
    -h | --help) usage 0 ;;
    *) usage 2 >&2 ;;
esac
