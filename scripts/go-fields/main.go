// Prints, as JSON, what only the Go types of the Kubernetes API know: the order of the fields, which are pointers, which
// are left out when empty, and which are inlined. Run with scripts/go-fields/run.sh; needs Go and a module proxy.
package main

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	apidiscoveryv2 "k8s.io/api/apidiscovery/v2"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/kubernetes/scheme"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

// A type is a list of fields, a field the words "name type flags tag": the JSON name ("" when inlined), the type, the
// flags p pointer, o omitempty, z omitzero, i inlined, and the protobuf tag when there is one.
var types = map[string][]string{}

// Types that marshal themselves: their structure is not their JSON.
var opaque = map[string]bool{
	"io.k8s.apimachinery.pkg.api.resource.Quantity": true, "io.k8s.apimachinery.pkg.util.intstr.IntOrString": true,
	"io.k8s.apimachinery.pkg.apis.meta.v1.Time": true, "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": true,
	"io.k8s.apimachinery.pkg.apis.meta.v1.Duration": true, "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": true,
	"io.k8s.apimachinery.pkg.runtime.RawExtension": true,
}

func idOf(t reflect.Type) string {
	path := strings.TrimPrefix(t.PkgPath(), "k8s.io/")
	return "io.k8s." + strings.ReplaceAll(path, "/", ".") + "." + t.Name()
}

func expression(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return expression(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		if t.Name() != "" {
			visit(t)
		}
		return "[]" + expression(t.Elem())
	case reflect.Map:
		return "map:" + expression(t.Elem())
	case reflect.Struct:
		visit(t)
		return idOf(t)
	case reflect.Interface:
		return "any"
	default:
		return t.Kind().String()
	}
}

func visit(t reflect.Type) {
	id := idOf(t)
	if _, done := types[id]; done {
		return
	}
	types[id] = []string{}
	if opaque[id] || t.Kind() != reflect.Struct {
		return
	}
	list := []string{}
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		parts := strings.Split(f.Tag.Get("json"), ",")
		if parts[0] == "-" {
			continue
		}
		flags := ""
		if f.Type.Kind() == reflect.Pointer {
			flags += "p"
		}
		inline := f.Anonymous && parts[0] == ""
		for _, option := range parts[1:] {
			switch option {
			case "omitempty":
				flags += "o"
			case "omitzero":
				flags += "z"
			case "inline":
				inline = true
			}
		}
		if inline {
			flags += "i"
		}
		tag := ""
		if p := strings.Split(f.Tag.Get("protobuf"), ","); len(p) > 1 {
			tag = p[1]
		}
		list = append(list, strings.Join([]string{parts[0], expression(f.Type), flags, tag}, " "))
	}
	types[id] = list
}

func main() {
	add := func(s *runtime.Scheme, f func(*runtime.Scheme) error) {
		if err := f(s); err != nil {
			panic(err)
		}
	}
	s := scheme.Scheme
	add(s, apiextensionsv1.AddToScheme)
	add(s, apiregistrationv1.AddToScheme)
	add(s, apidiscoveryv2.AddToScheme)
	add(s, admissionv1.AddToScheme)
	for _, t := range s.AllKnownTypes() {
		if strings.HasPrefix(t.PkgPath(), "k8s.io/") {
			visit(t)
		}
	}
	for _, extra := range []any{metav1.Table{}, metav1.PartialObjectMetadata{}, metav1.PartialObjectMetadataList{}, runtime.Unknown{}, schema.GroupVersion{}, version.Info{}} {
		visit(reflect.TypeOf(extra))
	}
	if err := json.NewEncoder(os.Stdout).Encode(types); err != nil {
		panic(err)
	}
}
