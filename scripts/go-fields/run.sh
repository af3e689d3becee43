#!/bin/sh
# Writes go-fields.json (to standard output) from the Go types of Kubernetes v1.36.0. usage: sh scripts/go-fields/run.sh > FILE
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cp "$here/main.go" "$work"
cd "$work"
{
  go mod init gofields
  for module in api apimachinery client-go apiextensions-apiserver kube-aggregator; do go mod edit -require "k8s.io/$module@v0.36.0"; done
  go mod tidy
} >&2
go run .
