// Package check decodes the manifests beside it as strictly as an API server can, and looks at what no decoder sees: that
// they fit together. It is a module of its own, so that the gateway's does not grow by Kubernetes.
package check

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// decode reads a manifest. A key that is unknown, doubled or of another type is a fault.
func decode[T any](t *testing.T, file string) (object T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", file))
	if err != nil {
		t.Fatal(err)
	}
	document, err := yaml.YAMLToJSONStrict(text) // which refuses doubled keys
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	faults, err := json.UnmarshalStrict(document, &object) // as the API server does, which knows capitals from small letters
	if err != nil || len(faults) > 0 {
		t.Fatalf("%s: %v %v", file, err, faults)
	}
	return object
}

// kustomization is what the manifests use of kustomize's type, whose module would bring a hundred others.
type kustomization struct {
	meta.TypeMeta      `json:",inline"`
	Namespace          string   `json:"namespace"`
	Resources          []string `json:"resources"`
	ConfigMapGenerator []struct {
		Name  string   `json:"name"`
		Files []string `json:"files"`
	} `json:"configMapGenerator"`
	Images []struct {
		Name    string `json:"name"`
		NewName string `json:"newName"`
		NewTag  string `json:"newTag"`
	} `json:"images"`
}

func TestKinds(t *testing.T) {
	deployment, service := decode[apps.Deployment](t, "deployment.yaml"), decode[core.Service](t, "service.yaml")
	budget := decode[policy.PodDisruptionBudget](t, "poddisruptionbudget.yaml")
	wall := decode[networking.NetworkPolicy](t, "networkpolicy.yaml")
	plan := decode[kustomization](t, "kustomization.yaml")
	for _, c := range []struct {
		got                 meta.TypeMeta
		apiVersion, kind, o string
	}{
		{deployment.TypeMeta, "apps/v1", "Deployment", deployment.Name},
		{service.TypeMeta, "v1", "Service", service.Name},
		{budget.TypeMeta, "policy/v1", "PodDisruptionBudget", budget.Name},
		{wall.TypeMeta, "networking.k8s.io/v1", "NetworkPolicy", wall.Name},
		{plan.TypeMeta, "kustomize.config.k8s.io/v1beta1", "Kustomization", "stagedoor"},
	} {
		if c.got.APIVersion != c.apiVersion || c.got.Kind != c.kind || c.o != "stagedoor" {
			t.Errorf("%+v %s is not the %s %s named stagedoor", c.got, c.o, c.apiVersion, c.kind)
		}
	}
	files, err := filepath.Glob(filepath.Join("..", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	known := append([]string{"kustomization.yaml"}, plan.Resources...)
	for _, generated := range plan.ConfigMapGenerator {
		known = append(known, generated.Files...)
	}
	for _, path := range files {
		if !slices.Contains(known, filepath.Base(path)) {
			t.Errorf("kustomization.yaml does not list %s", path)
		}
	}
	if len(files) != len(known) {
		t.Errorf("kustomization.yaml lists %v; there are %v", known, files)
	}
}

// TestSelectors checks that whoever chooses pods chooses those of the Deployment.
func TestSelectors(t *testing.T) {
	deployment := decode[apps.Deployment](t, "deployment.yaml")
	pod := labels.Set(deployment.Spec.Template.Labels)
	spread := deployment.Spec.Template.Spec.TopologySpreadConstraints
	if len(spread) != 1 {
		t.Fatalf("%d topology constraints, want one", len(spread))
	}
	for name, selector := range map[string]*meta.LabelSelector{
		"the Deployment": deployment.Spec.Selector,
		"the spread":     spread[0].LabelSelector,
		"the budget":     decode[policy.PodDisruptionBudget](t, "poddisruptionbudget.yaml").Spec.Selector,
		"the NetworkPolicy": func() *meta.LabelSelector {
			s := decode[networking.NetworkPolicy](t, "networkpolicy.yaml").Spec.PodSelector
			return &s
		}(),
		"the Service": {MatchLabels: decode[core.Service](t, "service.yaml").Spec.Selector},
	} {
		chosen, err := meta.LabelSelectorAsSelector(selector)
		if err != nil || chosen.Empty() || !chosen.Matches(pod) {
			t.Errorf("%s chooses %v, %v; the pods have %v", name, chosen, err, pod)
		}
	}
}

// TestPorts checks that every port that is named exists, and that the Service leads to the public one alone.
func TestPorts(t *testing.T) {
	container := decode[apps.Deployment](t, "deployment.yaml").Spec.Template.Spec.Containers[0]
	ports := map[string]int32{}
	for _, port := range container.Ports {
		ports[port.Name] = port.ContainerPort
	}
	if ports["public"] != 8080 || ports["admin"] != 9090 {
		t.Errorf("the ports are %v; config.yaml has public on 8080 and admin on 9090", ports)
	}
	for _, c := range []struct {
		path  string
		probe *core.Probe
	}{{"/livez", container.StartupProbe}, {"/livez", container.LivenessProbe}, {"/readyz", container.ReadinessProbe}} {
		if c.probe == nil || c.probe.HTTPGet == nil || c.probe.HTTPGet.Port.StrVal != "admin" || c.probe.HTTPGet.Path != c.path {
			t.Errorf("a probe of %s is %+v", c.path, c.probe)
		}
	}
	service := decode[core.Service](t, "service.yaml").Spec.Ports
	if len(service) != 1 || service[0].TargetPort.StrVal != "public" {
		t.Errorf("the Service leads to %+v, want the public port alone", service)
	}
	for _, rule := range decode[networking.NetworkPolicy](t, "networkpolicy.yaml").Spec.Ingress {
		for _, port := range rule.Ports {
			if _, exists := ports[port.Port.StrVal]; !exists || len(rule.From) == 0 {
				t.Errorf("the NetworkPolicy lets %+v to %v", rule.From, port.Port)
			}
		}
	}
}

// TestRestricted holds the pods to Kubernetes' Pod Security Standard "restricted", and to a file system that is read only.
func TestRestricted(t *testing.T) {
	pod := decode[apps.Deployment](t, "deployment.yaml").Spec.Template.Spec
	if s := pod.SecurityContext; s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.RunAsUser == nil || *s.RunAsUser != 65532 ||
		s.SeccompProfile == nil || s.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
		t.Errorf("the pod's securityContext is %+v", s)
	}
	if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken || pod.HostNetwork || pod.HostPID {
		t.Error("the pod has a service account's token, or something of its host")
	}
	for _, c := range pod.Containers {
		s := c.SecurityContext
		if s == nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || s.ReadOnlyRootFilesystem == nil ||
			!*s.ReadOnlyRootFilesystem || s.Capabilities == nil || !slices.Equal(s.Capabilities.Drop, []core.Capability{"ALL"}) || len(s.Capabilities.Add) > 0 {
			t.Errorf("the securityContext of %s is %+v", c.Name, s)
		}
	}
	for _, v := range pod.Volumes {
		if v.Secret != nil && (v.Secret.DefaultMode == nil || *v.Secret.DefaultMode != 0o440) || v.HostPath != nil {
			t.Errorf("the volume %s is %+v", v.Name, v.VolumeSource)
		}
	}
}

// TestMounts checks that what is mounted exists as a volume, as a folder, so that changes are seen, and read only.
func TestMounts(t *testing.T) {
	pod := decode[apps.Deployment](t, "deployment.yaml").Spec.Template.Spec
	for _, mount := range pod.Containers[0].VolumeMounts {
		if !slices.ContainsFunc(pod.Volumes, func(v core.Volume) bool { return v.Name == mount.Name }) || mount.SubPath != "" || !mount.ReadOnly {
			t.Errorf("the mount %+v", mount)
		}
	}
	plan := decode[kustomization](t, "kustomization.yaml")
	if name := pod.Volumes[0].ConfigMap.Name; len(plan.ConfigMapGenerator) != 1 || plan.ConfigMapGenerator[0].Name != name {
		t.Errorf("the pods want the ConfigMap %s, kustomization.yaml makes %+v", name, plan.ConfigMapGenerator)
	}
}

// TestShutdown checks that nothing is killed before the gateway has ended by itself.
func TestShutdown(t *testing.T) {
	const shutdownTimeout = 30 * time.Second // the default, which config.yaml leaves
	var config struct {
		Server struct {
			Delay   string `json:"shutdown_delay"`
			Timeout string `json:"shutdown_timeout"`
		} `json:"server"`
	}
	text, err := os.ReadFile("../config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &config); err != nil { // the gateway itself is strict about the rest
		t.Fatal(err)
	}
	delay, err := time.ParseDuration(config.Server.Delay)
	if err != nil || config.Server.Timeout != "" {
		t.Fatalf("server is %+v, %v", config.Server, err)
	}
	deployment := decode[apps.Deployment](t, "deployment.yaml")
	grace := time.Duration(*deployment.Spec.Template.Spec.TerminationGracePeriodSeconds) * time.Second
	probe := deployment.Spec.Template.Spec.Containers[0].ReadinessProbe
	noticed := time.Duration(probe.PeriodSeconds*probe.FailureThreshold) * time.Second
	if grace <= delay+shutdownTimeout || delay <= noticed {
		t.Errorf("a pod is noticed to go after %v, closes its listener after %v and has %v", noticed, delay, grace)
	}
	if rolling := deployment.Spec.Strategy.RollingUpdate; rolling == nil || rolling.MaxUnavailable.IntValue() != 0 || *deployment.Spec.Replicas < 2 {
		t.Errorf("the rollout is %+v", deployment.Spec.Strategy)
	}
}
