package wsusscn2_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fettle/model"
	"fettle/store"
	"fettle/sync/cabinet"
	"fettle/sync/engine"
	"fettle/sync/metadata/markup"
	"fettle/sync/simulation/offline"

	"golang.org/x/sys/unix"
)

// BenchmarkImport takes a simulated catalogue into a real store, and then its
// next edition, each in a process of its own whose largest memory is measured.
// The baseline is what nobody can do without: unpacking the same file and
// scanning it for tokens, on the same cores; with the scanner of the import, and
// with Go's encoding/xml. FETTLE_FULL=1 has the real numbers, whose catalogues
// take minutes to write; FETTLE_OFFLINE_DIR names a directory that keeps them
// between runs. Where others use the cores too, the times of the processors say
// more than those of the clock: both are given.
func BenchmarkImport(b *testing.B) {
	if testing.Short() {
		b.Skip("writing the catalogues takes seconds")
	}
	first, s1 := simulated(b, 1)
	second, s2 := simulated(b, 2)
	for b.Loop() {
		dir := filepath.Join(b.TempDir(), "store")
		busy := processorTime(b)
		base := unpackAndScan(b, first, ownScanner)
		busy = processorTime(b) - busy
		standard := unpackAndScan(b, first, standardScanner)
		one := importInChild(b, dir, first)
		two := importInChild(b, dir, second)
		if len(one.New) != s1.Bundles || !slices.Equal(two.New, s2.New) || two.Revised != 0 || two.Withdrawn != 0 || one.Failures+two.Failures > 0 {
			b.Fatalf("the records list %d new updates of %d, then %d of %d, %d revised, %d withdrawn, %d and %d failures", len(one.New), s1.Bundles,
				len(two.New), len(s2.New), two.Revised, two.Withdrawn, one.Failures, two.Failures)
		}
		b.ReportMetric(float64(s1.Unpacked+s1.Graph)/1e6, "MB-unpacked")
		b.ReportMetric(base.Seconds(), "s-baseline")
		b.ReportMetric(standard.Seconds(), "s-standard-baseline")
		b.ReportMetric(one.Took.Seconds()/standard.Seconds(), "x-standard-baseline")
		b.ReportMetric(busy.Seconds(), "cpu-s-baseline")
		b.ReportMetric(one.Busy.Seconds(), "cpu-s-first")
		b.ReportMetric(one.Busy.Seconds()/busy.Seconds(), "x-cpu-baseline")
		b.ReportMetric(one.Took.Seconds(), "s-first")
		b.ReportMetric(one.Took.Seconds()/base.Seconds(), "x-baseline")
		b.ReportMetric(float64(one.Resident)/1e6, "MB-resident-first")
		b.ReportMetric(two.Took.Seconds(), "s-second")
		b.ReportMetric(two.Took.Seconds()/base.Seconds(), "x-baseline-second")
		b.ReportMetric(float64(two.Resident)/1e6, "MB-resident-second")
		b.ReportMetric(float64(len(two.New)), "new-in-second")
		b.ReportMetric(0, "ns/op")
	}
}

// simulated writes an edition to a file, or finds it where it was kept.
func simulated(b *testing.B, edition int) (string, *offline.Summary) {
	b.Helper()
	o := offline.Real()
	o.Edition, o.Seed = edition, 4
	if os.Getenv("FETTLE_FULL") == "" {
		o.Updates, o.Locations, o.Shards, o.Unpacked, o.Added = o.Updates/40, o.Locations/40, 8, o.Unpacked/40, 10
	}
	dir := os.Getenv("FETTLE_OFFLINE_DIR")
	if dir == "" {
		dir = b.TempDir()
	}
	path := filepath.Join(dir, fmt.Sprintf("wsusscn2-%d-%d.cab", o.Updates, edition))
	var s offline.Summary
	if kept, err := os.ReadFile(path + ".json"); err == nil && json.Unmarshal(kept, &s) == nil {
		return path, &s
	}
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	written, err := offline.Write(b.Context(), f, o)
	if err := errors.Join(err, f.Close()); err != nil {
		b.Fatal(err)
	}
	b.Logf("edition %d was written in %v: %d revisions, %d MB that unpack to %d", edition, time.Since(start).Round(time.Second), written.Revisions, written.Size/1e6, written.Unpacked/1e6)
	kept, err := json.Marshal(written)
	if err == nil {
		err = os.WriteFile(path+".json", kept, 0o600)
	}
	if err != nil {
		b.Fatal(err)
	}
	return path, written
}

// unpackAndScan is the baseline.
func unpackAndScan(b *testing.B, path string, scan func() func(io.Reader) error) time.Duration {
	b.Helper()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	outer, err := cabinet.Open(f, info.Size(), cabinet.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	jobs := make(chan *cabinet.File)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			one := scan()
			for f := range jobs {
				if err := scanNested(one, outer, f); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for _, f := range outer.Files() {
		if strings.HasSuffix(f.Name, ".cab") {
			jobs <- f
		}
	}
	close(jobs)
	workers.Wait()
	return time.Since(start)
}

func scanNested(scan func(io.Reader) error, outer *cabinet.Cabinet, f *cabinet.File) error {
	r, ok := outer.ReaderAt(f)
	if !ok {
		return errors.New("the outer cabinet is packed")
	}
	inner, err := cabinet.Open(r, f.Size, cabinet.Limits{})
	if err != nil {
		return err
	}
	var buffer []byte
	return inner.Walk(context.Background(), 0, func(f *cabinet.File, r io.Reader) error {
		if strings.HasPrefix(f.Name, "files/") {
			return nil
		}
		if f.Size < 1<<20 {
			buffer = slices.Grow(buffer[:0], int(f.Size))[:f.Size]
			if _, err := io.ReadFull(r, buffer); err != nil {
				return err
			}
			r = bytes.NewReader(buffer)
		}
		if err := scan(r); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		return nil
	})
}

// ownScanner scans as an import does.
func ownScanner() func(io.Reader) error {
	s := markup.NewScanner(strings.NewReader(""), markup.Limits{Fragment: true})
	return func(r io.Reader) error {
		s.Reset(r)
		for {
			switch _, err := s.Next(); {
			case errors.Is(err, io.EOF):
				return nil
			case err != nil:
				return err
			}
		}
	}
}

// standardScanner scans as Go's own library does.
func standardScanner() func(io.Reader) error {
	return func(r io.Reader) error {
		d := xml.NewDecoder(r)
		for {
			switch _, err := d.Token(); {
			case errors.Is(err, io.EOF):
				return nil
			case err != nil:
				return err
			}
		}
	}
}

// imported is what a child tells of its import.
type imported struct {
	Took               time.Duration
	Busy               time.Duration // of all processors
	Resident           int64         // bytes, at most
	New                []model.UpdateID
	Revised, Withdrawn int
	Failures           int
	Remarks            []string
}

func importInChild(b *testing.B, dir, path string) imported {
	b.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestImportChild$")
	c.Env = append(os.Environ(), "FETTLE_IMPORT_CHILD="+path, "FETTLE_IMPORT_STORE="+dir)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	line, _, _ := bytes.Cut(out, []byte("\n"))
	var r imported
	if err := json.Unmarshal(line, &r); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	b.Log(r.Took, r.Busy, r.Resident/1e6, r.Remarks)
	return r
}

// TestImportChild is no test: it is the process that BenchmarkImport measures.
func TestImportChild(t *testing.T) {
	path := os.Getenv("FETTLE_IMPORT_CHILD")
	if path == "" {
		t.Skip("this is a part of BenchmarkImport")
	}
	now := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	s, err := store.Open(store.Options{Dir: os.Getenv("FETTLE_IMPORT_STORE"), Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	e := engine.New(engine.Options{Store: s, Clock: func() time.Time { return now }, Carry: engine.CarryPolicy{Unsigned: true}})
	defer e.Close()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	start, busy := time.Now(), processorTime(t)
	c, err := e.Recognize(t.Context(), engine.CarriedFile{Name: "wsusscn2.cab", Reader: f, Size: info.Size()})
	if err != nil {
		t.Fatal(err)
	}
	j, err := e.Import(t.Context(), c, engine.ImportOptions{}, model.Actor{Who: "bench", From: model.FromCommand, Role: model.AccessAdministrator})
	if err == nil {
		err = j.Wait(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	r := imported{Took: time.Since(start), Busy: processorTime(t) - busy, Resident: resident(t)}
	snap := s.Snapshot()
	run := snap.LastRun("")
	for _, n := range run.New {
		r.New = append(r.New, snap.Row(n).ID)
	}
	slices.Sort(r.New)
	r.Revised, r.Withdrawn, r.Failures, r.Remarks = len(run.Revised), len(run.Withdrawn), len(run.Failures), run.Remarks
	out, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(string(out))
}

// processorTime is what this process used of the processors.
func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident is the most memory that this process ever had.
func resident(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("this system does not say how much memory a process has: ", err)
	}
	for line := range strings.Lines(string(status)) {
		var kilobytes int64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); err == nil {
			return kilobytes << 10
		}
	}
	t.Fatal("/proc/self/status has no VmHWM")
	return 0
}
