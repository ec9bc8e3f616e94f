package cabinet_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"fettle/sync/cabinet"
)

// TestBlocksThatReferBack reads MSZIP whose blocks refer to the 32 KiB before
// them, which we never write: made here, and by gcab.
func TestBlocksThatReferBack(t *testing.T) {
	content := append(noise(40_000, 1), text(100_000, 1)...)
	content = append(content, content[8000:40_000]...) // in the block before
	stored := create(t, cabinet.Options{Unchecked: true}, []cabinet.Entry{entry("a", content)})
	data := bytes.Clone(stored[:binary.LittleEndian.Uint32(stored[atStart:])])
	binary.LittleEndian.PutUint16(data[atMethod:], 1)
	for at := 0; at < len(content); at += 32768 {
		block := content[at:min(at+32768, len(content))]
		var packed bytes.Buffer
		packed.WriteString("CK")
		w, err := flate.NewWriterDict(&packed, flate.BestCompression, content[max(at-32768, 0):at])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(block); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		data = binary.LittleEndian.AppendUint32(data, 0)
		data = binary.LittleEndian.AppendUint16(data, uint16(packed.Len()))
		data = binary.LittleEndian.AppendUint16(data, uint16(len(block)))
		data = append(data, packed.Bytes()...)
	}
	binary.LittleEndian.PutUint32(data[atSize:], uint32(len(data)))
	if len(data) > len(content)*2/3 {
		t.Errorf("%d bytes: the blocks do not refer back", len(data))
	}
	if got, err := unpack(bytes.NewReader(data), int64(len(data))); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes of %d: %v", len(got), len(content), err)
	}

	if _, err := exec.LookPath("gcab"); err != nil {
		t.Skip("gcab is not installed")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("gcab", "-c", "-z", "made.cab", "a")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gcab: %v: %s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "made.cab"))
	if err != nil {
		t.Fatal(err)
	}
	if c := open(t, data); c.Folders()[0].Compression != cabinet.MSZIP {
		t.Errorf("gcab wrote %s", c.Folders()[0].Compression)
	}
	if got, err := unpack(bytes.NewReader(data), int64(len(data))); err != nil || !bytes.Equal(got, content) {
		t.Errorf("gcab's cabinet: %d bytes of %d: %v", len(got), len(content), err)
	}
}
