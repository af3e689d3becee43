package interop

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/retry"
)

func deployment(name string, replicas int32) *appsv1.Deployment {
	match := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: match},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: match},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "example.com/main:1"}}},
			},
		},
	}
}

// A shared informer sees a Deployment become available, change and go, in order, and its lister agrees with a fresh list.
func TestInformerFollowsADeployment(t *testing.T) {
	overBoth(t, func(t *testing.T, contentType string) {
		ctx, client, namespace := cluster(t, contentType)
		factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
		available, deleted := make(chan int32, 1000), make(chan struct{})
		deployments := factory.Apps().V1().Deployments()
		_, err := deployments.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
			UpdateFunc: func(_, now any) { available <- now.(*appsv1.Deployment).Status.AvailableReplicas },
			DeleteFunc: func(any) { close(deleted) },
		})
		if err != nil {
			t.Fatal(err)
		}
		pods := factory.Core().V1().Pods()
		pods.Informer()
		factory.Start(ctx.Done())
		for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
			if !synced {
				t.Fatalf("%v was not synced", kind)
			}
		}
		waitFor := func(want int32) {
			t.Helper()
			for {
				select {
				case got := <-available:
					if got == want {
						return
					}
				case <-ctx.Done():
					t.Fatalf("never %d available", want)
				}
			}
		}
		api := client.AppsV1().Deployments(namespace)
		if _, err := api.Create(ctx, deployment("web", 2), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		waitFor(2)
		err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
			current, err := api.Get(ctx, "web", metav1.GetOptions{})
			if err != nil {
				return err
			}
			three := int32(3)
			current.Spec.Replicas = &three
			_, err = api.Update(ctx, current, metav1.UpdateOptions{})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		waitFor(3)
		fresh, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
		if err != nil {
			t.Fatal(err)
		}
		cached, err := pods.Lister().Pods(namespace).List(labels.SelectorFromSet(labels.Set{"app": "web"}))
		if err != nil || len(cached) != 3 || len(fresh.Items) != 3 {
			t.Fatalf("%d pods cached, %d listed (%v)", len(cached), len(fresh.Items), err)
		}
		for _, pod := range fresh.Items {
			if pod.Spec.NodeName == "" || pod.Status.Phase != corev1.PodRunning {
				t.Errorf("%s is %s on node %q", pod.Name, pod.Status.Phase, pod.Spec.NodeName)
			}
		}
		if err := api.Delete(ctx, "web", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		select {
		case <-deleted:
		case <-ctx.Done():
			t.Fatal("the informer did not see the deletion")
		}
	})
}
