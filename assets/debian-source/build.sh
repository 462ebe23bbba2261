#!/bin/sh
# Compiles Kubernetes from Debian's source package. Runs inside the builder machine.
#
#   build.sh fetch                     the source package, unpacked as a GOPATH
#   build.sh generate                  the OpenAPI definitions that kube-apiserver serves
#   build.sh compile VERSION COMMIT    one executable of all components, at /build/out/kubernetes
#
# Lines for knest: "knest:packages N" before compiling; go build -v then names each package.
set -eu
export GOPATH=/build/go GO111MODULE=off CGO_ENABLED=0 GOCACHE=/build/cache GOFLAGS= HOME=/root LC_ALL=C.UTF-8
src=$GOPATH/src/k8s.io/kubernetes
tags=providerless,dockerless

fetch() {
	mkdir -p "$GOPATH/src/k8s.io" /build/out
	[ ! -e "$src/.knest-fetched" ] || return 0
	rm -rf "$src" /build/source
	mkdir /build/source
	cd /build/source
	apt-get -qq update
	apt-get -qq source kubernetes
	mv kubernetes-*/ "$src"
	# reflect2 1.0.1, which Kubernetes 1.20 vendors, calls the runtime's map iterator with the
	# arguments of Go < 1.18: with a newer Go it compiles, and corrupts memory (kube-apiserver:
	# "fatal error: fault" in reflect2.UnsafeIterate). Debian's 1.0.2 is sound.
	rm -rf "$src/vendor/github.com/modern-go/reflect2"
	cp -r /usr/share/gocode/src/github.com/modern-go/reflect2 "$src/vendor/github.com/modern-go/reflect2"
	touch "$src/.knest-fetched"
}

generate() {
	cd "$src"
	[ ! -e .knest-generated ] || return 0
	go build -o /build/openapi-gen k8s.io/kubernetes/vendor/k8s.io/kube-openapi/cmd/openapi-gen
	# what Makefile.generated_files does for KUBE_OPENAPI: packages tagged +k8s:openapi-gen, without examples
	packages=$(grep -rl --include=*.go '+k8s:openapi-gen=' pkg staging/src/k8s.io |
		grep -vE '/(code-generator|sample-apiserver)/' | xargs -n1 dirname | sort -u |
		sed -e 's|^staging/src/|vendor/|' -e 's|^|k8s.io/kubernetes/|' | paste -sd,)
	/build/openapi-gen --logtostderr -i "$packages" -p k8s.io/kubernetes/pkg/generated/openapi \
		-O zz_generated.openapi -h hack/boilerplate/boilerplate.generatego.txt -r /build/openapi-violations.txt
	touch .knest-generated
}

compile() {
	version=$1 commit=$2
	major=${version#v} && major=${major%%.*}
	minor=${version#v*.} && minor=${minor%%.*}
	cd "$src"
	debian=$(dpkg-parsechangelog -S Version)
	case "$debian" in
	"${version#v}"-* | *really"${version#v}"-*) ;;
	*)
		echo "the mirror's source package is kubernetes $debian and not ${version#v}" >&2
		exit 1
		;;
	esac
	mkdir -p cmd/knest-kubernetes
	cp /build/assets/main.go cmd/knest-kubernetes/main.go
	flags="-s -w"
	# without these every component calls itself v0.0.0-master; "vendor/" is part of the package's path
	for package in client-go/pkg/version component-base/version; do
		for value in gitVersion=$version gitMajor=$major gitMinor=$minor gitTreeState=archive \
			gitCommit="$commit" buildDate="$(date -u -d "@$(dpkg-parsechangelog -S Timestamp)" +%Y-%m-%dT%H:%M:%SZ)"; do
			flags="$flags -X k8s.io/kubernetes/vendor/k8s.io/$package.$value"
		done
	done
	echo "knest:packages $(go list -deps -tags "$tags" ./cmd/knest-kubernetes | wc -l)"
	go build -v -trimpath -tags "$tags" -ldflags "$flags" -o /build/out/kubernetes ./cmd/knest-kubernetes
}

"$@"
