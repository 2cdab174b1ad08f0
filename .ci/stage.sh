# SPDX-License-Identifier: Apache-2.0
# stage.sh -- sourced by tests/run and sim/run: named stages with their seconds and budgets.
# Needs $root.  Output of a stage goes to a log, which is shown where the stage fails.

failed=()
mkdir -p "$root/build/log"

# now_ds: tenths of a second.
now_ds() {
	local t=${EPOCHREALTIME/[.,]/}
	echo $((t / 100000))
}

# report NAME BUDGET_S STARTED_DS STATUS
report() {
	local ds=$(($(now_ds) - $3)) note=
	((ds <= $2 * 10)) || note='   OVER BUDGET'
	[ "$4" -eq 0 ] || note="$note   FAILED"
	printf '== %-28s %6d.%d s of %d s%s\n' "$1" $((ds / 10)) $((ds % 10)) "$2" "$note"
}

# stage NAME BUDGET_S COMMAND...: the last line of a passing stage's log that starts with "= " or
# counts tests is shown below it.  A failing one is noted in failed, its log is shown, 1 is returned.
stage() {
	local name=$1 budget=$2 log="$root/build/log/${1//[^a-z0-9]/-}.log" started status=0
	shift 2
	started=$(now_ds)
	[ ! -t 1 ] || printf '   %s ...\r' "$name"
	"$@" >"$log" 2>&1 </dev/null || status=$?
	report "$name" "$budget" "$started" "$status"
	if [ "$status" -ne 0 ]; then
		failed+=("$name")
		tail -n 200 "$log"
		echo "== $name failed; all of its output: ${log#"$PWD"/}"
		return 1
	fi
	sed -n 's/^\(= \|[0-9]*% tests passed\)/   &/p' "$log"
}

# set_up GROUP...: of .ci/packages.  No stage, because apt-get may have much to tell and sudo to ask.
set_up() {
	local started
	started=$(now_ds)
	"$root/.ci/setup" "$@" || return 1
	report "set-up" 240 "$started" 0
}

# build PRESET TARGET CONFIGURE-ARGUMENT...
build() {
	local preset=$1 target=$2
	shift 2
	(
		cd "$root" || exit 1
		# A cache that another place or compiler left is of no use: start again.
		cmake --preset "$preset" "$@" || cmake --preset "$preset" --fresh "$@" || exit 1
		cmake --build --preset "$preset" -j "$(nproc)" --target "$target"
	)
}
