package cabinet_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"fettle/sync/cabinet"
)

// BenchmarkUnpack reads a file of 100 MB, text like the offline scan
// catalogue's, out of a cabinet on disk, and has cabextract write the same file to
// a pipe right after, its start counted. The ratio of the two speeds must be 0.7
// or more for LZX.
func BenchmarkUnpack(b *testing.B) {
	content := text(100<<20, 1)
	for _, method := range []cabinet.Compression{cabinet.LZX, cabinet.MSZIP, cabinet.Stored} {
		o := cabinet.Options{Compression: method}
		o.LZX.Effort = 8
		name := write(b, create(b, o, []cabinet.Entry{entry("package.xml", content)}))
		b.Run(method.String(), func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			theirs := time.Duration(0)
			for b.Loop() {
				if n := walkAll(b, name); n != int64(len(content)) {
					b.Fatalf("%d bytes", n)
				}
				b.StopTimer()
				theirs += cabextractTime(b, name)
				b.StartTimer()
			}
			ratio := float64(theirs) / float64(b.Elapsed())
			b.ReportMetric(ratio, "x-cabextract")
			if method == cabinet.LZX && ratio < 0.7 {
				b.Errorf("%.2f of cabextract's speed, 0.7 is the least", ratio)
			}
		})
	}
}

func walkAll(b *testing.B, name string) int64 {
	f, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	c, err := cabinet.Open(f, info.Size(), cabinet.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	total := int64(0)
	err = c.Walk(context.Background(), 0, func(_ *cabinet.File, r io.Reader) error {
		n, err := io.Copy(io.Discard, r)
		total += n
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return total
}

func cabextractTime(b *testing.B, name string) time.Duration {
	if _, err := exec.LookPath("cabextract"); err != nil {
		b.Skip("cabextract is not installed")
	}
	begin := time.Now()
	cmd := exec.Command("cabextract", "-q", "-p", name)
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		b.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}

// BenchmarkCreate packs 16 MB of the same text, and says how small it became.
func BenchmarkCreate(b *testing.B) {
	content := text(16<<20, 1)
	for _, test := range []struct {
		name   string
		method cabinet.Compression
		effort int
	}{{"stored", cabinet.Stored, 0}, {"MSZIP", cabinet.MSZIP, 0}, {"LZX-8", cabinet.LZX, 8}, {"LZX-48", cabinet.LZX, 48}} {
		b.Run(test.name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			o := cabinet.Options{Compression: test.method}
			o.LZX.Effort = test.effort
			open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
			size := int64(0)
			for b.Loop() {
				var out cabinet.Buffer
				if err := cabinet.Create(&out, o, []cabinet.Entry{{Name: "package.xml", Open: open}}); err != nil {
					b.Fatal(err)
				}
				size = out.Size()
			}
			b.ReportMetric(float64(len(content))/float64(size), "x-smaller")
		})
	}
}
