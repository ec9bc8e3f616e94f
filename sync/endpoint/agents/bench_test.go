package agents

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"fettle/model"
	"fettle/sync/agent/protocol"
)

// BenchmarkFleet is a synchronization's aftermath at a fleet: every computer
// needs one update that just arrived and that a rule approved. It measures the
// evaluation of all inventories, what somebody else's changes and reads wait
// for meanwhile, and what a call costs: per commit that decides nothing, and per
// change of a policy that concerns everybody. FETTLE_BENCH_COMPUTERS sets the
// size.
func BenchmarkFleet(b *testing.B) {
	computers := 500
	if n, err := strconv.Atoi(os.Getenv("FETTLE_BENCH_COMPUTERS")); err == nil {
		computers = n
	}
	const packages, deployments = 400, 100
	t := newBench(b)
	t.ready()
	var pairs, inventory []string
	for i := range packages {
		pairs = append(pairs, fmt.Sprintf("package-%d", i), "2")
		inventory = append(inventory, fmt.Sprintf("package-%d", i), []string{"2", "1"}[min(i/(packages-30), 1)]) // 30 are needed
	}
	numbers := t.offer(pairs...)
	var work sync.WaitGroup
	ids := make(chan int)
	for range 32 {
		work.Go(func() {
			for i := range ids {
				m := t.machine(fmt.Sprintf("host-%d", i), inventory...)
				var needs []string
				for p := packages - 29; p < packages; p++ {
					needs = append(needs, fmt.Sprintf("package-%d", p), "2")
				}
				m.needs(needs...)
				m.checkIn()
			}
		})
	}
	for i := range computers {
		ids <- i
	}
	close(ids)
	work.Wait()
	for i := range deployments {
		t.approve(model.GroupAll, start.Add(time.Duration(i)*time.Hour), numbers[i*len(numbers)/deployments:(i+1)*len(numbers)/deployments]...)
	}
	snap := t.store.Snapshot()
	all := snap.Computers()

	// All wait, as connected computers do.
	ctx, cancel := context.WithCancel(b.Context())
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer cancel()
	for _, c := range all {
		waiting.Go(func() {
			for ctx.Err() == nil {
				_, _ = t.endpoint.For(c.ID, false).Await(ctx, protocol.AwaitRequest{Version: protocol.Version})
			}
		})
	}
	k := &t.endpoint.waking
	t.until(func() bool { return k.count == len(all) })

	version := 2
	for b.Loop() {
		version++
		b.StopTimer()
		n := t.offer("package-0", strconv.Itoa(version))
		t.approve(model.GroupAll, time.Time{}, n...)
		done := make(chan struct{})
		var writes, reads []time.Duration
		var others sync.WaitGroup
		others.Go(func() { // somebody works with the store
			for {
				select {
				case <-done:
					return
				default:
				}
				begun := time.Now()
				if _, err := t.store.PutCategories(b.Context(), []model.Category{{ID: model.CategoryID(fmt.Sprint("c", len(writes), version)), Title: "t"}}); err != nil {
					b.Error(err)
				}
				writes = append(writes, time.Since(begun))
				begun = time.Now()
				t.store.Snapshot().Counts(n[0], model.GroupAll)
				reads = append(reads, time.Since(begun))
			}
		})
		b.StartTimer()
		begun := time.Now()
		changed, err := t.endpoint.Reevaluate(b.Context(), nil)
		b.ReportMetric(time.Since(begun).Seconds(), "s-evaluation")
		b.ReportMetric(float64(time.Since(begun).Microseconds())/float64(len(all)), "us-computer")
		close(done)
		others.Wait()
		if err != nil || changed != len(all) {
			b.Fatalf("%d changed, %v", changed, err)
		}
		for name, list := range map[string][]time.Duration{"write": writes, "read": reads} {
			slices.Sort(list)
			b.ReportMetric(float64(list[len(list)/2].Microseconds())/1000, "ms-"+name+"-median")
			b.ReportMetric(float64(list[len(list)-1].Microseconds())/1000, "ms-"+name+"-worst")
		}
		t.until(func() bool { return k.count == len(all) })
		snap := t.store.Snapshot()
		begun = time.Now()
		for _, c := range all {
			dutyOf(snap, c)
		}
		b.ReportMetric(float64(time.Since(begun).Microseconds())/float64(len(all)), "us-duty")
		begun = time.Now()
		t.endpoint.Recheck()
		t.settle()
		b.ReportMetric(float64(time.Since(begun).Milliseconds()), "ms-recheck")
	}
}
