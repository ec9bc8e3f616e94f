package cabinet_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"fettle/sync/cabinet"
)

// samples is where the shared samples lie when they are there.
const samples = "../../../shared/samples"

// cabextract gives what Debian's tool unpacks, all files one after the other.
func cabextract(t testing.TB, name string) []byte {
	t.Helper()
	if _, err := exec.LookPath("cabextract"); err != nil {
		t.Skip("cabextract is not installed")
	}
	cmd := exec.Command("cabextract", "-q", "-p", name)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("cabextract: %v: %s", err, &stderr)
	}
	return out
}

// unpack reads all files of a cabinet, one after the other.
func unpack(r io.ReaderAt, size int64) ([]byte, error) {
	c, err := cabinet.Open(r, size, cabinet.Limits{})
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for i := range c.Folders() {
		err := c.Walk(context.Background(), i, func(f *cabinet.File, r io.Reader) error {
			n, err := io.Copy(&out, r)
			if err == nil && n != f.Size {
				err = io.ErrUnexpectedEOF
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// TestSamples holds what comes out of every sample to cabextract's output,
// whole and file by file, and goes into cabinets within.
func TestSamples(t *testing.T) {
	var names []string
	for _, dir := range []string{"wsus-export", "wsusscn2/*"} {
		found, err := filepath.Glob(filepath.Join(samples, dir, "*.cab"))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	if len(names) == 0 {
		t.Skip("the shared samples are not there")
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			sample(t, data, name)
		})
	}
}

func sample(t *testing.T, data []byte, name string) {
	got, err := unpack(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if want := cabextract(t, name); !bytes.Equal(got, want) {
		t.Errorf("%d bytes came out, cabextract gives %d others", len(got), len(want))
	}
	c, err := cabinet.Open(bytes.NewReader(data), int64(len(data)), cabinet.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range c.Files() {
		r, err := c.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		one, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(one)) != f.Size || !bytes.Equal(one, got[:f.Size]) {
			t.Errorf("%s alone is not what it is among the others", f.Name)
		}
		got = got[f.Size:]
		at, random := c.ReaderAt(f)
		if !random {
			continue
		}
		whole := make([]byte, f.Size)
		if _, err := at.ReadAt(whole, 0); err != nil || !bytes.Equal(whole, one) {
			t.Errorf("%s read at random differs: %v", f.Name, err)
		}
		if bytes.HasPrefix(one, []byte("MSCF")) {
			inner := filepath.Join(t.TempDir(), "inner.cab")
			if err := os.WriteFile(inner, one, 0o600); err != nil {
				t.Fatal(err)
			}
			sample(t, one, inner)
		}
	}
}
