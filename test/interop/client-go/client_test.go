// Programs of client-go against a running cluster, unchanged: what an operator's author would write.
// KUBECONFIG names the cluster. Every test makes its own namespace and removes it.
package interop

import (
	"context"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const patience = 60 * time.Second

// config is that of KUBECONFIG; contentType is what the client speaks.
func config(t *testing.T, contentType string) *rest.Config {
	t.Helper()
	file := os.Getenv("KUBECONFIG")
	if file == "" {
		t.Skip("KUBECONFIG names no cluster")
	}
	config, err := clientcmd.BuildConfigFromFlags("", file)
	if err != nil {
		t.Fatal(err)
	}
	config.ContentType = contentType
	if contentType != runtimeJSON {
		config.AcceptContentTypes = contentType + "," + runtimeJSON
	}
	return config
}

const (
	runtimeJSON     = "application/json"
	runtimeProtobuf = "application/vnd.kubernetes.protobuf"
)

// cluster gives a client of the content type, a namespace of the test's own and a context with the test's patience.
func cluster(t *testing.T, contentType string) (context.Context, *kubernetes.Clientset, string) {
	t.Helper()
	client, err := kubernetes.NewForConfig(config(t, contentType))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	namespace, err := client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "client-go-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.CoreV1().Namespaces().Delete(context.Background(), namespace.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	return ctx, client, namespace.Name
}

func overBoth(t *testing.T, test func(t *testing.T, contentType string)) {
	for name, contentType := range map[string]string{"json": runtimeJSON, "protobuf": runtimeProtobuf} {
		t.Run(name, func(t *testing.T) { test(t, contentType) })
	}
}
