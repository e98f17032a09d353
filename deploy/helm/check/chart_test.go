// Package check renders the chart as helm does, decodes what comes of it as strictly as an API server can, and looks at what no decoder
// sees: that the parts fit together. It is a module of its own, so that the gateway's does not grow by Kubernetes and Helm.
package check

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	apps "k8s.io/api/apps/v1"
	scale "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// chartFolder is the chart's.
const chartFolder = ".."

// objects are what a chart renders to, as JSON by kind and name.
type objects map[string][]byte

// everything are values that switch all parts on.
func everything() map[string]any {
	return map[string]any{
		"ingress": map[string]any{"enabled": true, "className": "nginx", "tlsSecretName": "music-tls"}, "autoscaling": map[string]any{"enabled": true},
		"serviceMonitor": map[string]any{"enabled": true, "labels": map[string]any{"release": "prometheus"}}, "prometheusRule": map[string]any{"enabled": true},
	}
}

// render renders the chart with some values over its own.
func render(t *testing.T, values map[string]any) objects {
	t.Helper()
	chart, err := loader.Load(chartFolder)
	if err != nil {
		t.Fatal(err)
	}
	release := chartutil.ReleaseOptions{Name: "stagedoor", Namespace: "stagedoor", IsInstall: true}
	with, err := chartutil.ToRenderValues(chart, values, release, chartutil.DefaultCapabilities)
	if err != nil {
		t.Fatal(err)
	}
	files, err := engine.Engine{Strict: true}.Render(chart, with)
	if err != nil {
		t.Fatal(err)
	}
	made := objects{}
	for name, text := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			continue
		}
		for _, document := range strings.Split("\n"+text, "\n---\n") {
			converted, err := yaml.YAMLToJSONStrict([]byte(document)) // which refuses doubled keys
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, document)
			}
			var object meta.PartialObjectMetadata
			if err := yaml.Unmarshal(converted, &object); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if object.Kind != "" {
				made[object.Kind+" "+object.Name] = converted
			}
		}
	}
	return made
}

// decode decodes an object. A key that is unknown, doubled or of another type is an error.
func decode[T any](t *testing.T, from objects, kind, name string) (object T) {
	t.Helper()
	document, made := from[kind+" "+name]
	if !made {
		t.Fatalf("there is no %s %s, but %v", kind, name, slices.Sorted(maps.Keys(from)))
	}
	problems, err := json.UnmarshalStrict(document, &object) // as the API server does, which knows capitals from small letters
	if err != nil || len(problems) > 0 {
		t.Fatalf("%s %s: %v %v", kind, name, err, problems)
	}
	return object
}

// TestLint runs helm lint.
func TestLint(t *testing.T) {
	for name, values := range map[string]map[string]any{"as shipped": {}, "everything": everything()} {
		for _, message := range lint.All(chartFolder, values, "stagedoor", true).Messages {
			if message.Severity > support.InfoSev {
				t.Errorf("%s: %v", name, message)
			}
		}
	}
}

// TestKinds checks what is made, and that each is what its API server's type says.
func TestKinds(t *testing.T) {
	shipped, all := render(t, nil), render(t, everything())
	wantKinds(t, "as shipped", shipped, "ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service")
	wantKinds(t, "everything", all, "ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Ingress", "NetworkPolicy", "PodDisruptionBudget",
		"PrometheusRule", "Service", "Service", "ServiceMonitor")
	for _, c := range []struct{ got, want meta.TypeMeta }{
		{decode[apps.Deployment](t, all, "Deployment", "stagedoor").TypeMeta, meta.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}},
		{decode[core.ConfigMap](t, all, "ConfigMap", "stagedoor").TypeMeta, meta.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}},
		{decode[core.Service](t, all, "Service", "stagedoor").TypeMeta, meta.TypeMeta{APIVersion: "v1", Kind: "Service"}},
		{decode[core.Service](t, all, "Service", "stagedoor-admin").TypeMeta, meta.TypeMeta{APIVersion: "v1", Kind: "Service"}},
		{decode[policy.PodDisruptionBudget](t, all, "PodDisruptionBudget", "stagedoor").TypeMeta, meta.TypeMeta{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"}},
		{decode[networking.NetworkPolicy](t, all, "NetworkPolicy", "stagedoor").TypeMeta, meta.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"}},
		{decode[networking.Ingress](t, all, "Ingress", "stagedoor").TypeMeta, meta.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "Ingress"}},
		{decode[scale.HorizontalPodAutoscaler](t, all, "HorizontalPodAutoscaler", "stagedoor").TypeMeta, meta.TypeMeta{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler"}},
	} {
		if c.got != c.want {
			t.Errorf("%+v, want %+v", c.got, c.want)
		}
	}
	if replicas := decode[apps.Deployment](t, all, "Deployment", "stagedoor").Spec.Replicas; replicas != nil {
		t.Errorf("the Deployment has %d replicas beside an autoscaler", *replicas)
	}
}

func wantKinds(t *testing.T, what string, made objects, want ...string) {
	t.Helper()
	var got []string
	for name := range made {
		got = append(got, strings.Fields(name)[0])
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// TestValuesAreChecked checks that a mistake in the values is an error, and not ignored.
func TestValuesAreChecked(t *testing.T) {
	chart, err := loader.Load(chartFolder)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []map[string]any{
		{"replica": 3}, {"replicas": 0}, {"ingress": map[string]any{"enable": true}}, {"image": map[string]any{"tag": 1}},
		{"config": map[string]any{"server": map[string]any{"public_url": "http://music.example.com"}}},
		{"config": map[string]any{"admin": map[string]any{"listen": ""}}},
	} {
		if _, err := chartutil.ToRenderValues(chart, wrong, chartutil.ReleaseOptions{Name: "x"}, chartutil.DefaultCapabilities); err == nil {
			t.Errorf("%v is accepted", wrong)
		}
	}
}

// TestMonitoring checks what the Prometheus operator gets, whose own types would bring a hundred modules.
func TestMonitoring(t *testing.T) {
	all := render(t, everything())
	monitor := decode[struct {
		meta.TypeMeta   `json:",inline"`
		meta.ObjectMeta `json:"metadata"`
		Spec            struct {
			JobLabel  string             `json:"jobLabel"`
			Selector  meta.LabelSelector `json:"selector"`
			Endpoints []struct {
				Port     string `json:"port"`
				Path     string `json:"path"`
				Interval string `json:"interval"`
			} `json:"endpoints"`
		} `json:"spec"`
	}](t, all, "ServiceMonitor", "stagedoor")
	service := decode[core.Service](t, all, "Service", "stagedoor-admin")
	chosen, err := meta.LabelSelectorAsSelector(&monitor.Spec.Selector)
	if err != nil || !chosen.Matches(labels.Set(service.Labels)) || chosen.Matches(labels.Set(decode[core.Service](t, all, "Service", "stagedoor").Labels)) {
		t.Errorf("the ServiceMonitor chooses %v, %v; want the admin listeners' Service alone", chosen, err)
	}
	if job := service.Labels[monitor.Spec.JobLabel]; job != "stagedoor" || monitor.Labels["release"] != "prometheus" {
		t.Errorf("the job is %q, want that of the alerts; the labels are %v", job, monitor.Labels)
	}
	if len(monitor.Spec.Endpoints) != 1 || monitor.Spec.Endpoints[0].Port != service.Spec.Ports[0].Name || service.Spec.ClusterIP != core.ClusterIPNone {
		t.Errorf("the endpoints are %+v of %+v", monitor.Spec.Endpoints, service.Spec)
	}
	rule := decode[struct {
		meta.TypeMeta   `json:",inline"`
		meta.ObjectMeta `json:"metadata"`
		Spec            map[string]any `json:"spec"`
	}](t, all, "PrometheusRule", "stagedoor")
	shipped, err := os.ReadFile(filepath.Join(chartFolder, "..", "alerts.yml"))
	if err != nil {
		t.Fatal(err)
	}
	copied, err := os.ReadFile(filepath.Join(chartFolder, "alerts.yml"))
	if err != nil || !bytes.Equal(shipped, copied) {
		t.Errorf("the chart's alerts.yml is not deploy/alerts.yml: cp deploy/alerts.yml deploy/helm/ (%v)", err)
	}
	var groups map[string]any
	if err := yaml.Unmarshal(shipped, &groups); err != nil {
		t.Fatal(err)
	}
	got, gotErr := yaml.Marshal(rule.Spec)
	want, wantErr := yaml.Marshal(groups)
	if gotErr != nil || wantErr != nil || !bytes.Equal(got, want) {
		t.Errorf("the PrometheusRule has other alerts than deploy/alerts.yml: %.2000s", got)
	}
}

// TestIngress checks that the Ingress leads the public URL's host to the Service.
func TestIngress(t *testing.T) {
	all := render(t, everything())
	spec := decode[networking.Ingress](t, all, "Ingress", "stagedoor").Spec
	if len(spec.Rules) != 1 || spec.Rules[0].Host != "music.example.com" || spec.TLS[0].Hosts[0] != "music.example.com" || spec.TLS[0].SecretName != "music-tls" {
		t.Fatalf("the Ingress is %+v", spec)
	}
	to, service := spec.Rules[0].HTTP.Paths[0].Backend.Service, decode[core.Service](t, all, "Service", "stagedoor")
	if to.Name != service.Name || to.Port.Name != service.Spec.Ports[0].Name {
		t.Errorf("the Ingress leads to %+v", to)
	}
	target := decode[scale.HorizontalPodAutoscaler](t, all, "HorizontalPodAutoscaler", "stagedoor").Spec.ScaleTargetRef
	if target.Kind != "Deployment" || target.Name != "stagedoor" {
		t.Errorf("the autoscaler scales %+v", target)
	}
}

// TestConfiguration checks that the pods get the configuration of the values, whose copy in testdata the gateway's own tests check.
func TestConfiguration(t *testing.T) {
	file := filepath.Join("testdata", "config.yaml")
	made := decode[core.ConfigMap](t, render(t, nil), "ConfigMap", "stagedoor").Data["config.yaml"]
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(made), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || made != string(want) {
		t.Errorf("the chart's config.yaml is not %s; UPDATE=1 writes it anew (%v):\n%s", file, err, made)
	}
	annotations := func(values map[string]any) map[string]string {
		return decode[apps.Deployment](t, render(t, values), "Deployment", "stagedoor").Spec.Template.Annotations
	}
	changed := map[string]any{"config": map[string]any{"log": map[string]any{"level": "debug"}}}
	if annotations(nil)["checksum/config"] == annotations(changed)["checksum/config"] {
		t.Error("a change of the configuration does not renew the pods")
	}
}

// TestSelectors checks that whoever chooses pods chooses those of the Deployment.
func TestSelectors(t *testing.T) {
	shipped := render(t, nil)
	deployment := decode[apps.Deployment](t, shipped, "Deployment", "stagedoor")
	pod := labels.Set(deployment.Spec.Template.Labels)
	spread := deployment.Spec.Template.Spec.TopologySpreadConstraints
	if len(spread) != 1 {
		t.Fatalf("%d topology constraints, want one", len(spread))
	}
	for name, selector := range map[string]*meta.LabelSelector{
		"the Deployment": deployment.Spec.Selector,
		"the spread":     spread[0].LabelSelector,
		"the budget":     decode[policy.PodDisruptionBudget](t, shipped, "PodDisruptionBudget", "stagedoor").Spec.Selector,
		"the NetworkPolicy": func() *meta.LabelSelector {
			s := decode[networking.NetworkPolicy](t, render(t, nil), "NetworkPolicy", "stagedoor").Spec.PodSelector
			return &s
		}(),
		"the Service": {MatchLabels: decode[core.Service](t, render(t, nil), "Service", "stagedoor").Spec.Selector},
	} {
		chosen, err := meta.LabelSelectorAsSelector(selector)
		if err != nil || chosen.Empty() || !chosen.Matches(pod) {
			t.Errorf("%s chooses %v, %v; the pods have %v", name, chosen, err, pod)
		}
	}
}

// TestPorts checks that every port that is named exists, and that the Service leads to the public one alone.
func TestPorts(t *testing.T) {
	container := decode[apps.Deployment](t, render(t, nil), "Deployment", "stagedoor").Spec.Template.Spec.Containers[0]
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
	service := decode[core.Service](t, render(t, nil), "Service", "stagedoor").Spec.Ports
	if len(service) != 1 || service[0].TargetPort.StrVal != "public" {
		t.Errorf("the Service leads to %+v, want the public port alone", service)
	}
	for _, rule := range decode[networking.NetworkPolicy](t, render(t, nil), "NetworkPolicy", "stagedoor").Spec.Ingress {
		for _, port := range rule.Ports {
			if _, exists := ports[port.Port.StrVal]; !exists || len(rule.From) == 0 {
				t.Errorf("the NetworkPolicy lets %+v to %v", rule.From, port.Port)
			}
		}
	}
}

// TestRestricted holds the pods to Kubernetes' Pod Security Standard "restricted", and to a file system that is read only.
func TestRestricted(t *testing.T) {
	pod := decode[apps.Deployment](t, render(t, nil), "Deployment", "stagedoor").Spec.Template.Spec
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
	pod := decode[apps.Deployment](t, render(t, nil), "Deployment", "stagedoor").Spec.Template.Spec
	for _, mount := range pod.Containers[0].VolumeMounts {
		if !slices.ContainsFunc(pod.Volumes, func(v core.Volume) bool { return v.Name == mount.Name }) || mount.SubPath != "" || !mount.ReadOnly {
			t.Errorf("the mount %+v", mount)
		}
	}
	decode[core.ConfigMap](t, render(t, nil), "ConfigMap", pod.Volumes[0].ConfigMap.Name)
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
	text := decode[core.ConfigMap](t, render(t, nil), "ConfigMap", "stagedoor").Data["config.yaml"]
	if err := yaml.Unmarshal([]byte(text), &config); err != nil { // the gateway itself is strict about the rest
		t.Fatal(err)
	}
	delay, err := time.ParseDuration(config.Server.Delay)
	if err != nil || config.Server.Timeout != "" {
		t.Fatalf("server is %+v, %v", config.Server, err)
	}
	deployment := decode[apps.Deployment](t, render(t, nil), "Deployment", "stagedoor")
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
