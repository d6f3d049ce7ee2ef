// etcd by its own Go client, as a careful user has it: one session (a lease that is kept alive) for each connection, a
// lock is a key under that lease, made by a transaction only where there is none, and its fencing token is the revision.
// Waiters of one lock use etcd's own mutex (clientv3/concurrency), which watches the one before it.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/clientv3"
	"go.etcd.io/etcd/clientv3/concurrency"
)

const namesMax = 1_000_000
const ttlSeconds = 30

var (
	work        = flag.String("work", "uncontended", "uncontended, handover, held")
	address     = flag.String("address", "", "HOST:PORT, and more with commas between")
	connections = flag.Int("connections", 1, "clients, each with a connection of its own")
	depth       = flag.Int("depth", 1, "requests outstanding on each connection")
	locks       = flag.Int("locks", 200, "held: how many")
	seconds     = flag.Float64("seconds", 1, "measured time")
	warmup      = flag.Float64("warmup", 0.5, "time before it")
)

// What is answered between the warm-up and the end; each worker has a meter of its own.
type meter struct {
	latencies []time.Duration
	errors    int
}

var begin, end time.Time

func (m *meter) answered(sentAt time.Time) {
	at := time.Now()
	if at.After(begin) && at.Before(end) {
		m.latencies = append(m.latencies, at.Sub(sentAt))
	}
}

func isOver() bool { return time.Now().After(end) }

func nameOf(number int) string { return fmt.Sprintf("bench:%07d:%06d", os.Getpid()%10_000_000, number) }

func main() {
	flag.Parse()
	ctx := context.Background()
	sessions := make([]*concurrency.Session, *connections)
	for index := range sessions {
		client, err := clientv3.New(clientv3.Config{Endpoints: strings.Split(*address, ","), DialTimeout: 10 * time.Second})
		must(err)
		sessions[index], err = concurrency.NewSession(client, concurrency.WithTTL(ttlSeconds))
		must(err)
	}
	meters := make([]*meter, 0)
	var all sync.WaitGroup
	start := func(run func(*meter)) {
		m := &meter{latencies: make([]time.Duration, 0, 1<<14)}
		meters = append(meters, m)
		all.Add(1)
		go func() {
			defer all.Done()
			run(m)
		}()
	}
	begin = time.Now().Add(time.Duration(*warmup * float64(time.Second)))
	end = begin.Add(time.Duration(*seconds * float64(time.Second)))
	switch *work {
	case "handover":
		var releasedAt atomic.Int64
		for _, session := range sessions {
			session := session
			start(func(m *meter) { handOver(ctx, session, &releasedAt, m) })
		}
	case "held":
		leases := holdAll(ctx, sessions)
		for index, lease := range leases {
			client, lease := sessions[index%len(sessions)].Client(), lease
			start(func(m *meter) { keep(ctx, client, lease, m) })
		}
	default:
		workers := *connections * *depth
		for index := 0; index < workers; index++ {
			session, index := sessions[index%len(sessions)], index
			start(func(m *meter) { acquireAndRelease(ctx, session, index, workers, m) })
		}
	}
	all.Wait()
	report(meters)
}

func acquireAndRelease(ctx context.Context, session *concurrency.Session, index, workers int, m *meter) {
	client := session.Client()
	share := namesMax / workers
	for turn := 0; !isOver(); turn++ {
		name := nameOf(index*share + turn%share)
		sentAt := time.Now()
		answer, err := client.Txn(ctx).
			If(clientv3.Compare(clientv3.CreateRevision(name), "=", 0)).
			Then(clientv3.OpPut(name, "", clientv3.WithLease(session.Lease()))).Commit()
		must(err)
		if !answer.Succeeded {
			m.errors++
			continue
		}
		m.answered(sentAt)
		token := answer.Header.Revision
		sentAt = time.Now()
		answer, err = client.Txn(ctx).
			If(clientv3.Compare(clientv3.CreateRevision(name), "=", token)).
			Then(clientv3.OpDelete(name)).Commit()
		must(err)
		if !answer.Succeeded {
			m.errors++
		}
		m.answered(sentAt)
	}
}

// Hands one lock round: from before the release to the next one's grant.
func handOver(ctx context.Context, session *concurrency.Session, releasedAt *atomic.Int64, m *meter) {
	mutex := concurrency.NewMutex(session, nameOf(0))
	until, cancel := context.WithDeadline(ctx, end.Add(100*time.Millisecond))
	defer cancel()
	for !isOver() {
		if mutex.Lock(until) != nil {
			return // Over, while it waited.
		}
		if at := releasedAt.Load(); at > 0 {
			m.answered(time.Unix(0, at))
		}
		releasedAt.Store(time.Now().UnixNano())
		must(mutex.Unlock(ctx))
	}
}

// A lease for each lock, so that each can end by itself.
func holdAll(ctx context.Context, sessions []*concurrency.Session) []clientv3.LeaseID {
	leases := make([]clientv3.LeaseID, *locks)
	for index := range leases {
		client := sessions[index%len(sessions)].Client()
		lease, err := client.Grant(ctx, ttlSeconds)
		must(err)
		_, err = client.Put(ctx, nameOf(index), "", clientv3.WithLease(lease.ID))
		must(err)
		leases[index] = lease.ID
	}
	begin = time.Now().Add(time.Duration(*warmup * float64(time.Second)))
	end = begin.Add(time.Duration(*seconds * float64(time.Second)))
	return leases
}

func keep(ctx context.Context, client *clientv3.Client, lease clientv3.LeaseID, m *meter) {
	for !isOver() {
		sentAt := time.Now()
		_, err := client.KeepAliveOnce(ctx, lease)
		must(err)
		m.answered(sentAt)
	}
}

func report(meters []*meter) {
	var latencies []time.Duration
	errors := 0
	for _, m := range meters {
		latencies = append(latencies, m.latencies...)
		errors += m.errors
	}
	sort.Slice(latencies, func(left, right int) bool { return latencies[left] < latencies[right] })
	at := func(share float64) float64 {
		if len(latencies) == 0 {
			return 0
		}
		return float64(latencies[int(share*float64(len(latencies)-1))]) / float64(time.Millisecond)
	}
	fmt.Printf("{\"opsPerSecond\":%g,\"p50Ms\":%g,\"p99Ms\":%g,\"errors\":%d}\n",
		float64(len(latencies))/ *seconds, at(0.5), at(0.99), errors)
}

func must(err error) {
	if err != nil {
		log.Fatalf("etcd client: %v", err)
	}
}
