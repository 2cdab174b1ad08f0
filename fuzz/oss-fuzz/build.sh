#!/bin/bash -eu
# SPDX-License-Identifier: Apache-2.0
# build.sh -- what OSS-Fuzz and ClusterFuzzLite call, with CC, CFLAGS, LIB_FUZZING_ENGINE and OUT in the environment: the targets,
# their seeds and dictionaries into $OUT.  Libraries are linked statically; Debian has cJSON as a shared one alone, which lies in $OUT/lib.
source=${SRC:+$SRC/pinf}
source=${source:-$(cd "$(dirname "$0")/../.." && pwd)}
work=${WORK:-$(mktemp -d)}/pinf

cmake -S "$source" -B "$work" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_COMPILER="$CC" -DCMAKE_C_FLAGS="$CFLAGS" -DPINF_TESTS=OFF \
	-DPINF_FUZZ=ON -DPINF_FUZZ_ENGINE="$LIB_FUZZING_ENGINE" -DPINF_STATIC=ON >/dev/null
targets=$(cd "$source/fuzz/corpus" && ls)
# shellcheck disable=SC2046,SC2086
ninja -C "$work" $(printf 'fuzz_%s ' $targets) >"$work/log" || { tail -40 "$work/log"; exit 1; }

mkdir -p "$OUT/lib"
python3 "$source/fuzz/seeds.py" "$work/seeds"
for target in $targets; do
	cp "$work/fuzz/fuzz_$target" "$OUT/"
	[ -n "$(ls "$OUT/lib")" ] || ldd "$OUT/fuzz_$target" | awk '/libcjson/ { print $3 }' | xargs -r -I LIBRARY cp -L LIBRARY "$OUT/lib/"
	mkdir -p "$work/seeds/$target"
	find "$source/fuzz/corpus/$target" -type f -exec cp {} "$work/seeds/$target/" \;
	(cd "$work/seeds/$target" && find . -type f | sort | python3 -m zipfile -c "$OUT/fuzz_${target}_seed_corpus.zip" .)
	printf '[libfuzzer]\nmax_len = 8192\ntimeout = 25\n' >"$OUT/fuzz_$target.options"
	if [ -f "$source/fuzz/dict/$target.dict" ]; then
		cp "$source/fuzz/dict/$target.dict" "$OUT/fuzz_$target.dict"
		printf 'dict = fuzz_%s.dict\n' "$target" >>"$OUT/fuzz_$target.options"
	fi
done
