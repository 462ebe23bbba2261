#!/usr/bin/env bash
# A cluster in CI, for action.yml and gitlab-ci.yml.
#
#   cluster.sh restore   unpacks the layers of an earlier run
#   cluster.sh create    makes the cluster and tells where its kubeconfig is
#   cluster.sh save      packs the layers for the next run
#
# Settings, all of which may be empty: KNEST_CI_NAME, KNEST_CI_CONFIG, KNEST_CI_KUBERNETES_VERSION, KNEST_CI_WAIT,
# KNEST_CI_CACHE (the file that the CI system keeps), KNEST_CI_KUBECONFIG.
set -euo pipefail

cache_file=${KNEST_CI_CACHE:-knest-cache.tar}
cache_folder=${KNEST_CACHE_DIR:-/var/cache/knest}
kubeconfig=${KNEST_CI_KUBECONFIG:-$PWD/knest-kubeconfig}
# file capabilities are in extended attributes
keep_all=(--numeric-owner --xattrs --xattrs-include='*')

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo --preserve-env "$@"; fi
}

restore() {
  if [ ! -f "$cache_file" ]; then
    echo 'no layers of an earlier run: they are made now, which takes minutes'
    return
  fi
  as_root mkdir -p "$cache_folder"
  as_root tar --extract "${keep_all[@]}" --file "$cache_file" --directory "$cache_folder"
}

create() {
  local flags=(--name "${KNEST_CI_NAME:-knest}" --kubeconfig "$kubeconfig" --yes)
  if [ -n "${KNEST_CI_CONFIG:-}" ]; then flags+=(--config "$KNEST_CI_CONFIG"); fi
  if [ -n "${KNEST_CI_KUBERNETES_VERSION:-}" ]; then
    flags+=(--kubernetes-version "$KNEST_CI_KUBERNETES_VERSION")
  fi
  if [ -n "${KNEST_CI_WAIT:-}" ]; then flags+=(--wait "$KNEST_CI_WAIT"); fi
  # with sudo's own path knest may not be found
  as_root env "PATH=$PATH" knest create cluster "${flags[@]}"
  as_root chown "$(id -u):$(id -g)" "$kubeconfig"
  # what later steps find in their environment
  if [ -n "${GITHUB_ENV:-}" ]; then echo "KUBECONFIG=$kubeconfig" >>"$GITHUB_ENV"; fi
}

save() {
  # what this run has not used need not be kept
  as_root env "PATH=$PATH" knest cache prune --all --older-than 1d
  as_root tar --create "${keep_all[@]}" --file "$cache_file" --directory "$cache_folder" .
  as_root chown "$(id -u):$(id -g)" "$cache_file"
}

case "${1:-}" in
restore | create | save) "$1" ;;
*)
  echo 'usage: cluster.sh restore|create|save' >&2
  exit 2
  ;;
esac
