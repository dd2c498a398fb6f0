// What a healer in Go does all day, with the stock libraries: shared informers, a typed client, leader election.
// Prints one line for each thing that worked; exits 1 with the first that did not.
package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1apply "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"
	watchtools "k8s.io/client-go/tools/watch"
	"k8s.io/client-go/util/retry"
)

const namespace = "default"

var ctx = context.Background()

func must(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v\n", err)
		os.Exit(1)
	}
}

func check(fine bool, format string, args ...any) {
	if !fine {
		must(fmt.Errorf(format, args...))
	}
}

func ok(what string) { fmt.Println("ok", what) }

func until(what string, fine func() bool) {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if fine() {
			return
		}
	}
	must(fmt.Errorf("never: %s", what))
}

func ptr[T any](value T) *T { return &value }

func deployment(name string) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	probe := corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/healthz", Port: intstr.FromInt32(8080)}}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels, Annotations: map[string]string{"note": "ä€😀"}},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr(int32(0)),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Strategy: appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{
				MaxUnavailable: ptr(intstr.FromString("30%")), MaxSurge: ptr(intstr.FromInt32(2)),
			}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					TerminationGracePeriodSeconds: ptr(int64(0)),
					Containers: []corev1.Container{{
						Name: "main", Image: "busybox:1.36", Command: []string{"sh", "-c", "sleep 3600"},
						Env: []corev1.EnvVar{
							{Name: "PLAIN", Value: "x"},
							{Name: "TOKEN", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
								LocalObjectReference: corev1.LocalObjectReference{Name: "s"}, Key: "k", Optional: ptr(false),
							}}},
						},
						Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{
							corev1.ResourceMemory: resource.MustParse("64Mi"), corev1.ResourceCPU: resource.MustParse("0.5"),
						}},
						LivenessProbe: &corev1.Probe{ProbeHandler: probe, PeriodSeconds: 7},
						VolumeMounts:  []corev1.VolumeMount{{Name: "data", MountPath: "/data"}},
					}},
					Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
				},
			},
		},
	}
}

func definition() *apiextensionsv1.CustomResourceDefinition {
	allow := &apiextensionsv1.JSONSchemaPropsOrBool{Allows: true}
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "gadgets.shop.example"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "shop.example", Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "gadgets", Kind: "Gadget"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
					Type: "object",
					Properties: map[string]apiextensionsv1.JSONSchemaProps{"spec": {
						Type: "object",
						Properties: map[string]apiextensionsv1.JSONSchemaProps{
							"size": {Type: "integer", Minimum: ptr(float64(0)), Default: &apiextensionsv1.JSON{Raw: []byte("3")}},
							"mode": {Type: "string", Enum: []apiextensionsv1.JSON{{Raw: []byte(`"a"`)}, {Raw: []byte(`"b"`)}}},
							"free": {Type: "object", AdditionalProperties: allow, XPreserveUnknownFields: ptr(true)},
							"list": {Type: "array", Items: &apiextensionsv1.JSONSchemaPropsOrArray{Schema: &apiextensionsv1.JSONSchemaProps{Type: "string"}}},
						},
					}},
				}},
			}},
		},
	}
}

// Bodies as this library encodes them, with what they mean: the decoder's test reads them without Go.
func bodies() {
	must(apiextensionsv1.AddToScheme(scheme.Scheme))
	when := metav1.Time{Time: time.Date(2026, 5, 16, 12, 0, 0, 0, time.UTC)}
	micro := metav1.MicroTime{Time: time.Date(2026, 5, 16, 12, 0, 0, 123456000, time.UTC)}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s"}, Data: map[string][]byte{"k": {0, 255, 10}}}
	event := &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: "e", Namespace: namespace}, Reason: "Healed", Type: "Normal", Message: "it was",
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: "web"}, FirstTimestamp: when, Count: 1,
	}
	options := &metav1.DeleteOptions{
		GracePeriodSeconds: ptr(int64(0)), PropagationPolicy: ptr(metav1.DeletePropagationForeground),
		Preconditions: &metav1.Preconditions{UID: ptr(types.UID("u"))}, DryRun: []string{"All"},
	}
	revision := &appsv1.ControllerRevision{Revision: -3, Data: runtime.RawExtension{Raw: []byte(`{"spec":{"a":1}}`)}}
	pod := &corev1.Pod{Status: corev1.PodStatus{Phase: "Running", StartTime: &when, ContainerStatuses: []corev1.ContainerStatus{{
		Name: "main", RestartCount: 2, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 0, FinishedAt: when}},
	}}}}
	managed := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "c", ManagedFields: []metav1.ManagedFieldsEntry{{
		Manager: "me", Operation: "Update", Time: &when, FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{Raw: []byte(`{"f:data":{}}`)},
	}}}}
	budget := &policyv1.PodDisruptionBudget{Status: policyv1.PodDisruptionBudgetStatus{
		DisruptedPods: map[string]metav1.Time{"web": when}, DisruptionsAllowed: 0,
	}}
	job := &batchv1.Job{Spec: batchv1.JobSpec{BackoffLimit: ptr(int32(0)), Suspend: ptr(false)}}
	later := &corev1.Event{EventTime: micro, Series: &corev1.EventSeries{Count: 2, LastObservedTime: micro}}
	info := serializer()
	for _, one := range []runtime.Object{deployment("web"), secret, event, options, revision, pod, managed, budget, job, later, definition()} {
		gvks, _, err := scheme.Scheme.ObjectKinds(one)
		must(err)
		one.GetObjectKind().SetGroupVersionKind(gvks[0])
		encoded, err := runtime.Encode(info, one)
		must(err)
		plain, err := runtime.DefaultUnstructuredConverter.ToUnstructured(one)
		must(err)
		text, err := (&unstructured.Unstructured{Object: plain}).MarshalJSON()
		if err != nil { // DeleteOptions are no object
			text = []byte(`{"apiVersion":"v1","kind":"DeleteOptions","dryRun":["All"],"gracePeriodSeconds":0,"preconditions":{"uid":"u"},"propagationPolicy":"Foreground"}`)
		}
		fmt.Printf("%s %s\n", hex.EncodeToString(encoded), strings.TrimSpace(string(text)))
	}
}

func serializer() runtime.Encoder { return protobuf.NewSerializer(scheme.Scheme, scheme.Scheme) }

func typed(client kubernetes.Interface) {
	deployments := client.AppsV1().Deployments(namespace)
	made, err := deployments.Create(ctx, deployment("web"), metav1.CreateOptions{})
	must(err)
	check(*made.Spec.Replicas == 0, "replicas 0 became %d", *made.Spec.Replicas)
	check(made.Spec.Strategy.RollingUpdate.MaxUnavailable.String() == "30%", "maxUnavailable is %s", made.Spec.Strategy.RollingUpdate.MaxUnavailable)
	limits := made.Spec.Template.Spec.Containers[0].Resources.Limits
	check(limits.Cpu().MilliValue() == 500, "cpu is %s", limits.Cpu())
	check(made.Spec.Template.Spec.Containers[0].LivenessProbe.PeriodSeconds == 7, "the probe's period is lost")
	check(made.Spec.Template.Spec.Volumes[0].EmptyDir != nil, "the volume's source is lost")
	must(retry.RetryOnConflict(retry.DefaultRetry, func() error {
		current, err := deployments.Get(ctx, "web", metav1.GetOptions{})
		must(err)
		current.Spec.Replicas = ptr(int32(1))
		_, err = deployments.Update(ctx, current, metav1.UpdateOptions{})
		return err
	}))
	_, err = deployments.Update(ctx, made, metav1.UpdateOptions{})
	check(apierrors.IsConflict(err), "a stale update got %v", err)
	patch := []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"main","env":[{"name":"TOKEN","$patch":"delete"}],"livenessProbe":null}]}}}}`)
	patched, err := deployments.Patch(ctx, "web", types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	must(err)
	check(len(patched.Spec.Template.Spec.Containers[0].Env) == 1, "the patch deleted nothing")
	must(retry.RetryOnConflict(retry.DefaultRetry, func() error {
		scale, err := deployments.GetScale(ctx, "web", metav1.GetOptions{})
		must(err)
		scale.Spec.Replicas = 2
		_, err = deployments.UpdateScale(ctx, "web", scale, metav1.UpdateOptions{})
		return err
	}))
	config := corev1apply.ConfigMap("settings", namespace).WithData(map[string]string{"a": "1"})
	_, err = client.CoreV1().ConfigMaps(namespace).Apply(ctx, config, metav1.ApplyOptions{FieldManager: "shopwatch"})
	must(err)
	_, err = client.CoreV1().Pods(namespace).Get(ctx, "absent", metav1.GetOptions{})
	check(apierrors.IsNotFound(err), "an absent pod got %v", err)
	_, err = deployments.Create(ctx, deployment("web"), metav1.CreateOptions{})
	check(apierrors.IsAlreadyExists(err), "a second one got %v", err)
	broken := deployment("broken")
	broken.Spec.Template.Spec.Containers[0].Image = ""
	_, err = deployments.Create(ctx, broken, metav1.CreateOptions{})
	check(apierrors.IsInvalid(err), "an invalid one got %v", err)
	ok("typed client")
	until("two pods run", func() bool {
		pods, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=web", FieldSelector: "status.phase=Running"})
		must(err)
		return len(pods.Items) == 2
	})
	ok("selectors")
	err = client.CoreV1().Pods(namespace).EvictV1(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: first(client), Namespace: namespace}})
	must(err)
	ok("eviction")
	must(deployments.Delete(ctx, "web", metav1.DeleteOptions{PropagationPolicy: ptr(metav1.DeletePropagationForeground)}))
	until("its pods are gone", func() bool {
		pods, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
		must(err)
		return len(pods.Items) == 0
	})
	ok("delete options")
}

func first(client kubernetes.Interface) string {
	pods, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
	must(err)
	return pods.Items[0].Name
}

func informer(client kubernetes.Interface) {
	stop := make(chan struct{})
	defer close(stop)
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	seen := make(chan string, 100)
	shared := factory.Core().V1().ConfigMaps().Informer()
	_, err := shared.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { seen <- "added " + obj.(*corev1.ConfigMap).Name },
		UpdateFunc: func(_, obj any) { seen <- "updated " + obj.(*corev1.ConfigMap).Name },
		DeleteFunc: func(obj any) { seen <- "deleted " + obj.(*corev1.ConfigMap).Name },
	})
	must(err)
	factory.Start(stop)
	for kind, fine := range factory.WaitForCacheSync(stop) {
		check(fine, "%s never synced", kind)
	}
	maps := client.CoreV1().ConfigMaps(namespace)
	made, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "seen"}}, metav1.CreateOptions{})
	must(err)
	made.Data = map[string]string{"x": "1"}
	_, err = maps.Update(ctx, made, metav1.UpdateOptions{})
	must(err)
	must(maps.Delete(ctx, "seen", metav1.DeleteOptions{}))
	for _, wanted := range []string{"added seen", "updated seen", "deleted seen"} {
		for {
			select {
			case one := <-seen:
				if one != wanted {
					continue
				}
			case <-time.After(10 * time.Second):
				must(fmt.Errorf("the informer never said: %s", wanted))
			}
			break
		}
	}
	ok("shared informer")
	listed, err := factory.Core().V1().ConfigMaps().Lister().ConfigMaps(namespace).Get("kube-root-ca.crt")
	must(err)
	check(listed.Name == "kube-root-ca.crt", "the lister has something else")
	ok("lister")
}

func events(client kubernetes.Interface) {
	broadcaster := record.NewBroadcaster()
	broadcaster.StartRecordingToSink(&eventSink{client})
	recorder := broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "shopwatch"})
	about, err := client.CoreV1().ConfigMaps(namespace).Get(ctx, "kube-root-ca.crt", metav1.GetOptions{})
	must(err)
	recorder.Event(about, corev1.EventTypeNormal, "Healed", "it works again")
	until("an event is there", func() bool {
		found, err := client.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: "reason=Healed"})
		must(err)
		return len(found.Items) == 1
	})
	broadcaster.Shutdown()
	ok("event recorder")
}

type eventSink struct{ client kubernetes.Interface }

func (s *eventSink) Create(e *corev1.Event) (*corev1.Event, error) {
	return s.client.CoreV1().Events(e.Namespace).Create(ctx, e, metav1.CreateOptions{})
}
func (s *eventSink) Update(e *corev1.Event) (*corev1.Event, error) {
	return s.client.CoreV1().Events(e.Namespace).Update(ctx, e, metav1.UpdateOptions{})
}
func (s *eventSink) Patch(e *corev1.Event, data []byte) (*corev1.Event, error) {
	return s.client.CoreV1().Events(e.Namespace).Patch(ctx, e.Name, types.StrategicMergePatchType, data, metav1.PatchOptions{})
}

func leader(client kubernetes.Interface) {
	scope, cancel := context.WithCancel(ctx)
	led := false
	lock := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Name: "shopwatch", Namespace: namespace},
		Client:     client.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: "one"},
	}
	leaderelection.RunOrDie(scope, leaderelection.LeaderElectionConfig{
		Lock: lock, LeaseDuration: 3 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 100 * time.Millisecond,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { led = true; time.Sleep(400 * time.Millisecond); cancel() },
			OnStoppedLeading: func() {},
		},
	})
	lease, err := client.CoordinationV1().Leases(namespace).Get(ctx, "shopwatch", metav1.GetOptions{})
	must(err)
	check(led, "never led")
	check(lease.Spec.HolderIdentity != nil && *lease.Spec.HolderIdentity == "", "the lease was not released: %v", lease.Spec)
	ok("leader election")
}

func untyped(config *rest.Config) {
	client, err := dynamic.NewForConfig(config)
	must(err)
	definitions := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	crd := definition()
	crd.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"))
	plain, err := runtime.DefaultUnstructuredConverter.ToUnstructured(crd)
	must(err)
	delete(plain, "status")
	_, err = client.Resource(definitions).Create(ctx, &unstructured.Unstructured{Object: plain}, metav1.CreateOptions{})
	must(err)
	gadgets := client.Resource(schema.GroupVersionResource{Group: "shop.example", Version: "v1", Resource: "gadgets"}).Namespace(namespace)
	watcher, err := watchtools.NewRetryWatcherWithContext(ctx, "1", &cache.ListWatch{WatchFuncWithContext: gadgets.Watch})
	must(err)
	gadget := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "shop.example/v1", "kind": "Gadget", "metadata": map[string]any{"name": "g"}, "spec": map[string]any{"mode": "a"},
	}}
	made, err := gadgets.Create(ctx, gadget, metav1.CreateOptions{})
	must(err)
	size, _, _ := unstructured.NestedInt64(made.Object, "spec", "size")
	check(size == 3, "the default is %d", size)
	event := <-watcher.ResultChan()
	check(event.Type == "ADDED", "the watch said %s", event.Type)
	_, err = gadgets.Apply(ctx, "g", &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "shop.example/v1", "kind": "Gadget", "metadata": map[string]any{"name": "g"}, "spec": map[string]any{"size": int64(5)},
	}}, metav1.ApplyOptions{FieldManager: "shopwatch"})
	check(apierrors.IsConflict(err) || err == nil, "apply got %v", err)
	must(gadgets.Delete(ctx, "g", metav1.DeleteOptions{}))
	ok("dynamic client")
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "bodies" {
		bodies()
		return
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	must(err)
	config.QPS, config.Burst = 1000, 1000
	client, err := kubernetes.NewForConfig(config)
	must(err)
	version, err := client.Discovery().ServerVersion()
	must(err)
	ok("server " + version.GitVersion)
	_, lists, err := client.Discovery().ServerGroupsAndResources()
	must(err)
	check(len(lists) > 20, "%d groups", len(lists))
	ok("discovery")
	typed(client)
	informer(client)
	events(client)
	leader(client)
	untyped(config)
}
