#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# check.sh BUILD CC -- the installed library serves pkg-config and find_package alike.
set -eu
build=$1 cc=$2
here=$(cd "$(dirname "$0")" && pwd)
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
urn=urn:blob:1:fs:local:blobs:0a

cmake --install "$build" --prefix "$top/prefix" >"$top/log"
export PKG_CONFIG_PATH=$(dirname "$(find "$top/prefix" -name pinf.pc)")

for header in "$top"/prefix/include/pinf/*.h; do
	echo "#include <pinf/$(basename "$header")>" |
		"$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I "$top/prefix/include" -x c -
done

# shellcheck disable=SC2046
"$cc" -std=c11 -Wall -Werror -o "$top/by-pkg-config" "$here/consumer/consumer.c" \
	$(pkg-config --cflags --libs pinf)
cmake -S "$here/consumer" -B "$top/by-cmake" -DCMAKE_PREFIX_PATH="$top/prefix" \
	-DCMAKE_C_COMPILER="$cc" -DPINF_WANTED="$(pkg-config --modversion pinf)" >>"$top/log"
cmake --build "$top/by-cmake" >>"$top/log"

for program in "$top/by-pkg-config" "$top/by-cmake/consumer"; do
	[ "$("$program" "$urn")" = "pinf $(pkg-config --modversion pinf): file 0a" ]
	if "$program" urn:isbn:0451450523; then
		echo "a URN of another kind was parsed" >&2
		exit 1
	fi
done

# The kit finds its vectors beside it, from anywhere.
(cd / && for what in "" --miner; do
	"$top/prefix/bin/pinf-conform" run $what --cmd "$top/prefix/bin/pinf-driver" >>"$top/log"
done)
echo "pkg-config and CMake consumers built and ran, the kit tested its driver"
