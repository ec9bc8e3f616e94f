package metadata

import (
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"fettle/model"
	"fettle/sync/cabinet"
)

// sample reads a shared sample; tests that need one are skipped where it is absent.
func sample(t testing.TB, path ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{"../../../shared/samples"}, path...)...))
	if err != nil {
		t.Skipf("the shared sample %s is absent", filepath.Join(path...))
	}
	return data
}

// exported is one document of the sample export.
type exported struct {
	id       model.UpdateID
	revision uint32
	document []byte
}

var export struct {
	once sync.Once
	all  []exported
	err  error
}

// documents gives all documents of the sample export.
func documents(t testing.TB) []exported {
	t.Helper()
	data := sample(t, "wsus-export", "wsus-export-2024-06-19.cab")
	export.once.Do(func() { export.all, export.err = readExport(data) })
	if export.err != nil {
		t.Fatal(export.err)
	}
	return export.all
}

func readExport(data []byte) ([]exported, error) {
	c, err := cabinet.Open(bytes.NewReader(data), int64(len(data)), cabinet.Limits{})
	if err != nil {
		return nil, err
	}
	var text []byte
	err = c.Walk(context.Background(), 0, func(f *cabinet.File, r io.Reader) error {
		if f.Name != "metadata.txt" {
			return nil
		}
		var err error
		text, err = io.ReadAll(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	var all []exported
	for len(text) > 0 {
		revision, err := strconv.ParseUint(string(text[37:45]), 16, 32)
		if err != nil {
			return nil, err
		}
		length, err := strconv.ParseUint(string(text[46:54]), 16, 32)
		if err != nil {
			return nil, err
		}
		id := model.UpdateID(text[:36])
		text = text[55:]
		n, units := 0, 0
		for _, r := range string(text[:min(len(text), 4*int(length))]) { // length counts UTF-16 units
			if units >= int(length) {
				break
			}
			units += utf16.RuneLen(r)
			n += len(string(r))
		}
		all = append(all, exported{id, uint32(revision), text[:n:n]})
		text = text[n+2:]
	}
	return all, nil
}

// captured gives the fragments within a captured answer.
func captured(t testing.TB, path ...string) []string {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(sample(t, path...)))
	var all []string
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		start, ok := tok.(xml.StartElement)
		if !ok || start.Name.Local != "Xml" && start.Name.Local != "XmlUpdateBlob" {
			continue
		}
		var text string
		if err := d.DecodeElement(&text, &start); err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.TrimSpace(text))
	}
}

// pick finds a document among the samples: by itself, or in the export.
func pick(t testing.TB, id model.UpdateID, revision uint32) []byte {
	t.Helper()
	name := string(id) + "-r" + strconv.Itoa(int(revision)) + ".xml"
	if data, err := os.ReadFile(filepath.Join("../../../shared/samples/updates", name)); err == nil {
		return data
	}
	for _, e := range documents(t) {
		if e.id == id && e.revision == revision {
			return e.document
		}
	}
	t.Skipf("%s revision %d is not among the samples", id, revision)
	return nil
}
