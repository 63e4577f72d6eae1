#!/bin/sh
# Brings a configuration of any generation up to date, and leaves a backup: fix-config.sh [FILE]
here=$(dirname "$(readlink -f "$0")")
[ $# -le 1 ] || { echo "usage: fix-config.sh [FILE]" >&2; exit 2; }
exec "$here/serve" -fix-config ${1+-config "$1"}
