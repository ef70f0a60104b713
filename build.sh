#!/usr/bin/env bash
# Builds, runs and tests webchat_py; ./build.sh help says how. What it makes is in .venv, build, dist,
# web/lite, web/node_modules and web/vendor, each with a stamp of what it was made from, so that a second run makes
# only what has changed. A folder gets its stamp last, so a run that was interrupted is not believed.
set -euo pipefail

caller=$PWD
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
cd -- "$root"

python=.venv/bin/python
server_needs=(web/build-requirements.txt web/server/requirements.txt web/notebooks/requirements.txt)
runtime=(web/server/webchat_server/runtime.py web/server/webchat_server/runtime-requirements.txt)
suites=(wire server delivery browser page notebook interop)
all_browsers="chromium firefox webkit"
core=(tests/browser tests/notebook) # the suites a part of which runs in each of them

verb_help() {
    cat <<'HELP'
./build.sh                 build what the page, the notebooks and the wheels need: web/vendor, web/lite and dist
./build.sh run [ARGS]      serve page, notebooks (/lite/) and API on http://127.0.0.1:8000; ARGS go to the server (--port, --bot, --data, ...);
                           with --pushpin the event streams go through the proxy of that name, as on the hosted service
./build.sh test [--full] [--browser BROWSER] [SUITE or tests/PATH ...] [ARGS]
                           run the linters and all suites, or those named; ARGS go to pytest (-n 0: no two tests at a time, as
                           --pdb wants it); --full runs the full counts; BROWSER is chromium, firefox, webkit or all, and
                           without it all suites run in Chromium and the core in the others, or what is named in Chromium
./build.sh bench [MEASURE ...] [--pairs N]
                           measure against the original client, in one browser; writes build/bench.json
./build.sh clean           delete all that was built; chats in data/ stay
./build.sh help            this text
HELP
    printf 'Suites: lint %s\n' "${suites[*]}"
}

verb_build() {
    make_server_environment
    make_vendor
    make_lite
    make_wheels
    copy_wheels webchat_py web/vendor
    copy_wheels webchat_py_ui web/vendor
    if [[ -d build/pyodide-dist ]]; then copy_wheels webchat_py build/pyodide-dist; fi
}

verb_run() {
    if [[ " $* " == *" --pushpin "* ]]; then need_pushpin; fi
    verb_build
    export PYTHONPATH="$root/web/server${PYTHONPATH:+:$PYTHONPATH}"
    cd -- "$caller" # so that --bot finds the user's module, and paths mean what the user sees
    exec "$root/$python" -m webchat_server --web "$root/web" --data "$root/data" "$@"
}

verb_test() {
    local targets=() browsers=()
    while (($#)); do
        case $1 in
            --full) export WEBCHAT_TEST_FULL=1 ;;
            --browser)
                [[ ${2-} == all || " $all_browsers " == *" ${2-} "* ]] || die "--browser is one of: $all_browsers all"
                # shellcheck disable=SC2206 # the words are meant to be split
                if [[ $2 == all ]]; then browsers=($all_browsers); else browsers=("$2"); fi
                shift
                ;;
            tests/*) targets+=("$1") ;;
            *)
                if ! is_suite "$1"; then break; fi
                targets+=("tests/$1")
                ;;
        esac
        shift
    done
    if ((!${#targets[@]})); then
        # shellcheck disable=SC2206
        ((${#browsers[@]})) || browsers=($all_browsers)
        targets=(tests/lint)
        for suite in "${suites[@]}"; do
            [[ ! -d tests/$suite ]] || targets+=("tests/$suite")
        done
    fi

    make_node_modules test
    verb_build
    make_test_environment "${browsers[@]-chromium}"
    local target tally browser ran=0
    tally=$(new_folder)/tally
    for browser in "${browsers[@]-chromium}"; do
        for target in "${targets[@]}"; do
            # In the others the core, whatever of it was named
            if [[ $browser != chromium ]] && ! is_core "$target"; then continue; fi
            if [[ $target == tests/lint ]]; then
                lint
            else
                say "pytest $target in $browser"
                WEBCHAT_TEST_BROWSER=$browser run_pytest "$target" "$@"
            fi
            ((++ran))
        done
    done
    ((ran)) || die "Of what was named nothing runs in ${browsers[*]}: the core is ${core[*]}."
    [[ ! -e $tally ]] || awk '{ passed += $1 } END { printf "%d passed, 0 failed\n", passed }' "$tally"
}

# Two at a time, for a browser spends half of its time waiting; each has a browser and servers of its own.
run_pytest() {
    SE_OFFLINE=true "$python" -m pytest "$1" -n 2 --dist loadfile --tally "$tally" "${@:2}"
}

verb_bench() {
    make_node_modules test
    verb_build
    make_test_environment chromium
    "$python" -m tests.bench "$@"
}

verb_clean() {
    rm -rf .venv build dist web/lite web/node_modules web/vendor .hypothesis .mypy_cache .pytest_cache .ruff_cache
}

is_suite() {
    [[ " lint ${suites[*]} " == *" $1 "* ]]
}

is_core() { # is_core tests/PATH
    local suite
    for suite in "${core[@]}"; do
        if [[ $1 == "$suite" || $1 == "$suite"/* ]]; then return; fi
    done
    return 1
}

lint() {
    local command
    for command in "ruff check" "ruff format --check" mypy; do
        say "$command"
        # shellcheck disable=SC2086 # the command's words are meant to be split
        "$python" -m $command
    done
    say "html-validate"
    node web/node_modules/html-validate/bin/html-validate.mjs --config web/.htmlvalidate.json web/index.html web/examples/*.html
}

# --- what is made -----------------------------------------------------------------------------------------------

make_server_environment() {
    local wanted
    wanted="$("$host" -VV) $(key_of "${server_needs[@]}")"
    if [[ -x $python ]] && is_stamped .venv "$wanted"; then return; fi
    need_node # a newcomer is told of it before anything is downloaded
    say "making .venv"
    "$host" -c 'import ensurepip, venv' 2>/dev/null ||
        die "$host has no module venv: on Debian and Ubuntu, apt-get install python3-venv"
    rm -rf .venv
    "$host" -m venv .venv
    install_requirements "${server_needs[@]}"
    stamp .venv "$wanted"
}

make_test_environment() { # make_test_environment BROWSER...
    local wanted browser
    for browser in "$@"; do "need_$browser"; done
    need_pushpin
    wanted=$(key_of tests/requirements.txt)
    mkdir -p build
    if ! is_stamped .venv/lib "$wanted"; then
        say "adding the tests' requirements to .venv"
        install_requirements "${server_needs[@]}" tests/requirements.txt
        stamp .venv/lib "$wanted"
    fi
    make_folder build/pyodide-dist test-dist web/pyodide-requirements.txt tests/pyodide-requirements.txt
    make_folder build/peers peers web/package-lock.json
    copy_wheels webchat_py build/pyodide-dist
}

install_requirements() {
    local file arguments=()
    for file in "$@"; do arguments+=(--requirement "$file"); done
    "$python" -m pip install --quiet --disable-pip-version-check --require-hashes "${arguments[@]}"
}

make_node_modules() { # make_node_modules page|test
    local lock
    lock=$(key_of web/package.json web/package-lock.json)
    if is_stamped web/node_modules "test $lock" || is_stamped web/node_modules "$1 $lock"; then return; fi
    need_node
    say "npm ci"
    rm -rf web/node_modules
    local omit=()
    [[ $1 == test ]] || omit=(--omit=dev)
    (cd web && npm ci --loglevel=error ${omit[@]+"${omit[@]}"} >&2)
    stamp web/node_modules "$1 $lock"
}

make_vendor() {
    make_folder web/vendor vendor web/package-lock.json web/pyodide-requirements.txt
}

make_lite() {
    make_folder web/lite lite web/package-lock.json web/pyodide-requirements.txt web/notebooks
}

make_wheels() {
    local wanted folder
    wanted=$(key_of pyproject.toml README.md LICENSE webchat_py web/chat web/server web/build-requirements.txt)
    if is_stamped dist "$wanted"; then return; fi
    say "building the wheels"
    folder=$(new_folder)
    # one fixed time for all files in them, so that equal sources give equal wheels; zip knows no time before 1980
    local project
    for project in . web/chat web/server; do
        SOURCE_DATE_EPOCH=315532800 "$python" -m flit_core.wheel --outdir "$folder" "$project" >&2
    done
    publish "$folder" dist "$wanted"
}

copy_wheels() { # copy_wheels NAME FOLDER
    local wheel
    for wheel in dist/"$1"-*.whl; do
        if cmp -s "$wheel" "$2/${wheel##*/}"; then continue; fi
        rm -f "$2/$1"-*.whl
        cp "$wheel" "$2/.wheel"
        mv "$2/.wheel" "$2/${wheel##*/}"
    done
}

make_folder() { # make_folder FOLDER VERB-OF-ASSEMBLE INPUT...: unless FOLDER was made from these INPUTs already
    local target=$1 verb=$2 wanted folder
    shift 2
    wanted=$(key_of web/assemble.py "${runtime[@]}" "$@")
    if is_stamped "$target" "$wanted"; then return; fi
    if [[ $verb == peers ]]; then make_node_modules test; else make_node_modules page; fi
    say "assembling $target"
    folder=$(new_folder)
    PYTHONPATH=web/server "$python" web/assemble.py "$verb" "$root/$folder"
    publish "$folder" "$target" "$wanted"
}

# --- stamps -----------------------------------------------------------------------------------------------------

key_of() {
    PYTHONPATH=web/server "$host" -S web/assemble.py key "$@"
}

is_stamped() { # is_stamped FOLDER KEY
    [[ -f $1/.stamp && $(<"$1/.stamp") == "$2" ]]
}

stamp() { # stamp FOLDER KEY
    printf '%s' "$2" >"$1/.stamp"
}

new_folder() {
    mkdir -p build
    mktemp -d "build/new.$$.XXXXXX"
}

delete_unfinished() {
    rm -rf build/new."$$".*
}

publish() { # publish NEW-FOLDER FOLDER KEY: put the new one in the other's place
    chmod 755 "$1"
    stamp "$1" "$3"
    mkdir "$1.old"
    if [[ -e $2 ]]; then mv "$2" "$1.old"; fi
    mv "$1" "$2"
    rm -rf "$1.old"
}

# --- what must be there -----------------------------------------------------------------------------------------

find_python() {
    local candidate
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    die "Python 3.11 or newer is needed; $(python3 --version 2>/dev/null || echo "no python3") was found.
On Debian 12 or newer and on Ubuntu 24.04 or newer, apt-get install python3 python3-venv; elsewhere see python.org."
}

need_node() {
    local advice="Get it from nodejs.org, or on Debian 13 or newer by apt-get install nodejs npm."
    command -v node >/dev/null || die "Node.js 20 or newer is needed; no node was found. $advice"
    command -v npm >/dev/null || die "npm is needed, which comes with Node.js; no npm was found. $advice"
    [[ $(node -p 'parseInt(process.versions.node) >= 20') == true ]] ||
        die "Node.js 20 or newer is needed; $(node --version) was found. $advice"
}

need_chromium() {
    if ! find_chromium >/dev/null || ! command -v chromedriver >/dev/null; then
        install_chromium
    fi
    local chromium text version
    chromium=$(find_chromium)
    text=$("$chromium" --version 2>&1) || die "$chromium does not start: $text"
    [[ $text =~ (Chrom[a-z ]+)([0-9]+) ]] || die "$chromium does not tell its version, but: $text"
    version=${BASH_REMATCH[2]}
    # the first with JSPI by default (WebAssembly.Suspending), on which pyodide.ffi.run_sync rests
    ((version >= 137)) || die "The tests need Chromium 137 or newer; version $version was found. Please update it."
}

find_chromium() {
    command -v chromium || command -v chromium-browser || command -v google-chrome
}

install_chromium() {
    can_install || die "The tests need Chromium (or Chrome) and its driver, as chromium and chromedriver on the PATH.
On Debian, apt-get install chromium chromium-driver as root."
    apt_install chromium chromium-driver
}

need_firefox() {
    if command -v firefox-esr >/dev/null; then return; fi
    can_install || die "The tests in Firefox need firefox-esr, as Debian has it: apt-get install firefox-esr as root.
Without it, ./build.sh test --browser chromium."
    apt_install firefox-esr
}

need_webkit() {
    if command -v WebKitWebDriver >/dev/null && command -v Xvfb >/dev/null; then return; fi
    can_install || die "The tests in WebKit need WebKitGTK and its driver, as Debian has them: apt-get install webkit2gtk-driver xvfb
as root. Without them, ./build.sh test --browser chromium."
    apt_install webkit2gtk-driver xvfb
}

need_pushpin() {
    if command -v pushpin >/dev/null && command -v zurl >/dev/null; then return; fi
    can_install || die "Pushpin is needed, with zurl beside it, as Debian builds it.
On Debian and Ubuntu, apt-get install pushpin zurl as root."
    apt_install pushpin zurl
}

can_install() {
    ((!EUID)) && command -v apt-get >/dev/null
}

apt_install() {
    say "apt-get install $*"
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "$@" >&2
}

say() {
    printf '==> %s\n' "$*" >&2
}

die() {
    printf 'build.sh: %s\n' "$*" >&2
    exit 1
}

trap delete_unfinished EXIT
verb=${1:-build}
shift $(($# > 0))
case $verb in
    build | run | test | bench)
        host=$(find_python)
        "verb_$verb" "$@"
        ;;
    clean | help) "verb_$verb" ;;
    -h | --help) verb_help ;;
    *)
        verb_help >&2
        exit 2
        ;;
esac
