/** For a node's shell: what the shims of its containers were told. containerd 1 shows it, 2 its encoding. */
export const runtimeOptions =
  'for id in $(ctr -n k8s.io tasks ls -q); do' +
  ' options=$(ctr -n k8s.io c info $id | jq -c .Runtime.Options); echo $options;' +
  ' echo $options | jq -r ".value // empty" | base64 -d | tr -cd "[:print:]"; done';
