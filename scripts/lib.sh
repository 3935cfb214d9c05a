# What scripts/setup and scripts/explorer share: Node.js and its packages. It is sourced, in
# the project's folder.

node=${FARMTALLY_NODE:-node}

# Node.js 20.19 or later, which web/ needs to be built.
has_node() {
  "$node" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}
has_npm() { command -v npm >/dev/null; }

# packages_of FOLDER NPM-COMMAND… installs the packages of a folder, where none are or the
# lock names others.
packages_of() {
  local folder=$1 installed=$1/node_modules/.package-lock.json
  shift
  if [ -e "$installed" ] && [ ! "$folder/package-lock.json" -nt "$installed" ]; then
    return
  fi
  echo "installing the packages of $folder"
  (cd "$folder" && npm "$@" --no-audit --no-fund --loglevel=error)
  touch "$installed"
}
