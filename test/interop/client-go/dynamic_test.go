package interop

import (
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
)

func object(text map[string]any) *unstructured.Unstructured { return &unstructured.Unstructured{Object: text} }

// A custom resource is served soon after its definition: discovery maps it, it is validated, pruned, defaulted and watched.
func TestCustomResources(t *testing.T) {
	ctx, client, namespace := cluster(t, runtimeJSON)
	dynamics, err := dynamic.NewForConfig(config(t, runtimeJSON))
	if err != nil {
		t.Fatal(err)
	}
	definitions := dynamics.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	group := namespace + ".example.com"
	definition := object(map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1",
		"kind":       "CustomResourceDefinition",
		"metadata":   map[string]any{"name": "widgets." + group},
		"spec": map[string]any{
			"group": group,
			"scope": "Namespaced",
			"names": map[string]any{"plural": "widgets", "singular": "widget", "kind": "Widget"},
			"versions": []any{map[string]any{
				"name": "v1", "served": true, "storage": true,
				"subresources": map[string]any{"status": map[string]any{}},
				"schema": map[string]any{"openAPIV3Schema": map[string]any{
					"type": "object",
					"properties": map[string]any{
						"spec": map[string]any{
							"type":     "object",
							"required": []any{"size"},
							"properties": map[string]any{
								"size":  map[string]any{"type": "integer", "minimum": int64(1)},
								"color": map[string]any{"type": "string", "default": "blue"},
							},
						},
						"status": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true},
					},
				}},
			}},
		},
	})
	if _, err := definitions.Create(ctx, definition, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := definitions.Delete(ctx, "widgets."+group, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery()))
	var mapping schema.GroupVersionResource
	for {
		found, err := mapper.RESTMapping(schema.GroupKind{Group: group, Kind: "Widget"}, "v1")
		if err == nil {
			mapping = found.Resource
			break
		}
		mapper.Reset()
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	widgets := dynamics.Resource(mapping).Namespace(namespace)
	widget := func(name string, spec map[string]any) *unstructured.Unstructured {
		return object(map[string]any{"apiVersion": group + "/v1", "kind": "Widget", "metadata": map[string]any{"name": name}, "spec": spec})
	}
	watch, err := widgets.Watch(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	_, err = widgets.Create(ctx, widget("bad", map[string]any{"size": int64(0)}), metav1.CreateOptions{})
	if !apierrors.IsInvalid(err) {
		t.Fatalf("size 0 gave %v", err)
	}
	made, err := widgets.Create(ctx, widget("good", map[string]any{"size": int64(3), "unknown": true}), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if color, _, _ := unstructured.NestedString(made.Object, "spec", "color"); color != "blue" {
		t.Errorf("the default was not set: %v", made.Object)
	}
	if _, found, _ := unstructured.NestedBool(made.Object, "spec", "unknown"); found {
		t.Error("an unknown field was not pruned")
	}
	select {
	case event := <-watch.ResultChan():
		if event.Type != "ADDED" || event.Object.(*unstructured.Unstructured).GetName() != "good" {
			t.Errorf("the watch gave %+v", event)
		}
	case <-ctx.Done():
		t.Error("the watch gave nothing")
	}
}
