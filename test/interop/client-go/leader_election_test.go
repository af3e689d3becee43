package interop

import (
	"context"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// One candidate of two leads; the other follows at once when the lease is released.
func TestLeaderElection(t *testing.T) {
	overBoth(t, func(t *testing.T, contentType string) {
		ctx, client, namespace := cluster(t, contentType)
		leads := make(chan string, 2)
		candidate := func(ctx context.Context, name string) {
			leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
				Lock: &resourcelock.LeaseLock{
					LeaseMeta:  metav1.ObjectMeta{Name: "operator", Namespace: namespace},
					Client:     client.CoordinationV1(),
					LockConfig: resourcelock.ResourceLockConfig{Identity: name},
				},
				ReleaseOnCancel: true,
				LeaseDuration:   15 * time.Second,
				RenewDeadline:   10 * time.Second,
				RetryPeriod:     500 * time.Millisecond,
				Callbacks: leaderelection.LeaderCallbacks{
					OnStartedLeading: func(context.Context) { leads <- name },
					OnStoppedLeading: func() {},
				},
			})
		}
		next := func() string {
			t.Helper()
			select {
			case name := <-leads:
				return name
			case <-ctx.Done():
				t.Fatal("nobody leads")
				return ""
			}
		}
		first, release := context.WithCancel(ctx)
		go candidate(first, "first")
		if leader := next(); leader != "first" {
			t.Fatalf("%s leads", leader)
		}
		go candidate(ctx, "second")
		release()
		if leader := next(); leader != "second" {
			t.Fatalf("%s leads", leader)
		}
		lease, err := client.CoordinationV1().Leases(namespace).Get(ctx, "operator", metav1.GetOptions{})
		if err != nil || *lease.Spec.HolderIdentity != "second" {
			t.Fatalf("the lease is %+v (%v)", lease, err)
		}
	})
}
