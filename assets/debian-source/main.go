// All Kubernetes components in one executable, told apart by the name it is called by (argv[0]),
// as busybox does. The components share nearly all of their packages: linked once they take 94 MB
// and one compilation, where six executables take 400 MB and six.
package main

import (
	goflag "flag"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/restclient"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/klog/v2"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

type component struct {
	command func() *cobra.Command
	// Each component's own main() decides which global flags it shows; these say the same here.
	normalize, goFlags bool
}

var components = map[string]component{
	"kube-apiserver":          {func() *cobra.Command { return apiserver.NewAPIServerCommand() }, false, false},
	"kube-controller-manager": {func() *cobra.Command { return controllermanager.NewControllerManagerCommand() }, false, false},
	"kube-scheduler":          {func() *cobra.Command { return scheduler.NewSchedulerCommand() }, true, false},
	"kube-proxy":              {func() *cobra.Command { return proxy.NewProxyCommand() }, true, true},
	"kubelet":                 {func() *cobra.Command { return kubelet.NewKubeletCommand() }, false, false},
	"kubectl":                 {func() *cobra.Command { return kubectl.NewDefaultKubectlCommand() }, true, true},
}

func main() {
	name := filepath.Base(os.Args[0])
	chosen, known := components[name]
	if !known {
		fmt.Fprintf(os.Stderr, "%s: call this executable by the name of a Kubernetes component (kubelet, kubectl, ...)\n", name)
		os.Exit(2)
	}
	rand.Seed(time.Now().UnixNano())
	if chosen.goFlags {
		// These two show the whole global set, where packages of the others (cAdvisor) have put flags of their own.
		goflag.CommandLine = goflag.NewFlagSet(name, goflag.ExitOnError)
		klog.InitFlags(goflag.CommandLine)
	}
	command := chosen.command()
	if chosen.normalize {
		pflag.CommandLine.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	}
	if chosen.goFlags {
		pflag.CommandLine.AddGoFlagSet(goflag.CommandLine)
	}
	logs.InitLogs()
	err := command.Execute()
	logs.FlushLogs()
	if err != nil {
		os.Exit(1)
	}
}
