package wsusexport

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"fettle/model"
	"fettle/sync/cabinet"
	"fettle/sync/upstream"
)

// drain is a sink and a generation that only count, and watch the memory.
type drain struct {
	upstream.NoGenerations
	documents, bytes atomic.Int64
	updates          int
	peak             uint64
	remarks          []string
}

func (d *drain) Updates(_ context.Context, u []*model.Update) error      { d.updates += len(u); return nil }
func (d *drain) Categories(context.Context, []model.Category) error      { return nil }
func (d *drain) Anchor(context.Context, []byte) error                    { return nil }
func (d *drain) Fail(item, reason string)                                { panic(item + ": " + reason) }
func (d *drain) Remark(s string)                                         { d.remarks = append(d.remarks, s) }
func (d *drain) Generation(context.Context) (upstream.Generation, error) { return d, nil }
func (d *drain) Kept(model.DocumentKey) (sum [32]byte, ok bool)          { return }
func (d *drain) Keep(context.Context, []model.DocumentKey) error         { return nil }
func (d *drain) Switch(context.Context, upstream.Switch) error           { return nil }
func (d *drain) Discard() error                                          { return nil }
func (d *drain) Complete(context.Context, string, map[model.UpdateID]struct{}) error {
	return nil
}

func (d *drain) Documents(_ context.Context, docs []model.Document) error {
	for i := range docs {
		d.bytes.Add(docs[i].Size())
	}
	d.documents.Add(int64(len(docs)))
	return nil
}

// largePackage writes a package of n bundles with a member each, as many drivers,
// and a description that gives documents the size of real ones. Late puts all
// bundles before their members.
func largePackage(b *testing.B, n int, late bool) (*os.File, int64) {
	template := anUpdate("template", 200)
	template.Description = strings.Repeat("What this update mends is described here at the length that vendors like. ", 40)
	p := publish(b, server("a", 1), template, aDriver("driver", 1))
	recs, texts := p.documents(b)
	var fixed, turning []int
	for i, text := range texts {
		if strings.Contains(text, `UpdateType="Software"`) || strings.Contains(text, `UpdateType="Driver"`) {
			turning = append(turning, i)
		} else {
			fixed = append(fixed, i)
		}
	}
	old := make([]string, 0, 2*len(turning))
	each := func(write func(r revision, text string)) {
		for _, i := range fixed {
			write(recs[i].revision, texts[i])
		}
		one := func(i, k int) {
			r, text := recs[i].revision, texts[i]
			old = old[:0]
			for _, j := range turning {
				id := recs[j].id
				id[0], id[1], id[2], id[3] = byte(k>>24), byte(k>>16), byte(k>>8), byte(k)
				old = append(old, recs[j].id.String(), id.String())
				if j == i {
					r.id = id
				}
			}
			write(r, strings.NewReplacer(old...).Replace(text))
		}
		if late {
			for t := range turning {
				for k := range n {
					one(turning[len(turning)-1-t], k+1)
				}
			}
			return
		}
		for k := range n {
			for _, i := range turning {
				one(i, k+1)
			}
		}
	}
	pipe := func(write func(w io.Writer)) func() (io.ReadCloser, error) {
		return func() (io.ReadCloser, error) {
			r, w := io.Pipe()
			go func() { write(w); w.Close() }()
			return r, nil
		}
	}
	file, err := os.Create(filepath.Join(b.TempDir(), "package.cab"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { file.Close() })
	head, _, _ := bytes.Cut(p.manifest, []byte("<Updates>"))
	err = cabinet.Create(file, cabinet.Options{}, []cabinet.Entry{
		{Name: "package.xml", Modified: now, Open: pipe(func(w io.Writer) {
			w.Write(append(head, "<Updates>"...))
			each(func(r revision, _ string) {
				fmt.Fprintf(w, `<Update UpdateId="%s" RevisionNumber="%d"><Files /><Categories /><Classifications /></Update>`, r.id, r.number)
			})
			io.WriteString(w, "</Updates></ExportPackage>")
		})},
		{Name: "metadata.txt", Modified: now, Open: pipe(func(w io.Writer) {
			var buf []byte
			each(func(r revision, text string) { buf = writeRecord(buf[:0], r, text); w.Write(buf) })
		})},
	})
	if err != nil {
		b.Fatal(err)
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		b.Fatal(err)
	}
	return file, size
}

// BenchmarkImport imports a package of 300,000 revisions: in the order of WSUS,
// and in the worst one.
func BenchmarkImport(b *testing.B) {
	for _, late := range []bool{false, true} {
		b.Run(fmt.Sprintf("late=%v", late), func(b *testing.B) {
			const n = 100_000
			file, size := largePackage(b, n, late)
			b.SetBytes(size)
			for b.Loop() {
				runtime.GC()
				d := &drain{}
				watch := func(model.Progress) {
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					d.peak = max(d.peak, m.HeapAlloc)
				}
				if err := New(file, size, allowed).Synchronize(b.Context(), nil, d, watch); err != nil {
					b.Fatal(err)
				}
				if d.updates != 2*n || d.documents.Load() < 3*n {
					b.Fatal(d.updates, d.documents.Load(), d.remarks)
				}
				b.ReportMetric(float64(d.peak)/(1<<20), "peak-MiB")
			}
		})
	}
}
