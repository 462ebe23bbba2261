#!/bin/sh
# Compiles Kubernetes' own end-to-end tests from Debian's source package. Runs in the builder machine, after
# `fetch` of assets/debian-source/build.sh.
#
#   build.sh VERSION    /build/out/{e2e.test,ginkgo,agnhost}
set -eu
version=$1
export GOPATH=/build/go GO111MODULE=off CGO_ENABLED=0 GOCACHE=/build/cache GOFLAGS= HOME=/root LC_ALL=C.UTF-8
cd "$GOPATH/src/k8s.io/kubernetes"
# files that the tests read are compiled in (hack/generate-bindata.sh); the source package is without them
go build -o /build/go-bindata k8s.io/kubernetes/vendor/github.com/go-bindata/go-bindata/go-bindata
/build/go-bindata -nometadata -pkg generated -o test/e2e/generated/bindata.go \
	-ignore .jpg -ignore .png -ignore .md -ignore 'BUILD(\.bazel)?' \
	test/conformance/testdata/... test/e2e/testing-manifests/... test/e2e_node/testing-manifests/... \
	test/images/... test/fixtures/...
flags="-s -w"
# tests are chosen by the version of the client
for package in client-go/pkg/version component-base/version; do
	flags="$flags -X k8s.io/kubernetes/vendor/k8s.io/$package.gitVersion=$version"
done
go build -trimpath -ldflags "$flags" -o /build/out/ginkgo k8s.io/kubernetes/vendor/github.com/onsi/ginkgo/ginkgo
go build -trimpath -ldflags "$flags" -o /build/out/agnhost k8s.io/kubernetes/test/images/agnhost
go test -c -vet=off -trimpath -ldflags "$flags" -o /build/out/e2e.test k8s.io/kubernetes/test/e2e
