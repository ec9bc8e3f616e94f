package metadata

import (
	"bytes"
	"io"
	"runtime"
	"strconv"
	"testing"
)

// large gives a document of the shape of the largest real ones, 47 MB, nearly
// all of it a component manifest, without ever holding it.
type large struct {
	left int // parts to come
	part bytes.Buffer
	n    int64
}

const (
	largeHead = `<upd:Update xmlns:upd="http://schemas.microsoft.com/msus/2002/12/Update" xmlns:cbsar="http://schemas.microsoft.com/msus/2002/12/CbsApplicabilityRules"><upd:UpdateIdentity UpdateID="aaaaaaaa-0000-4000-8000-000000000001" RevisionNumber="200" /><upd:Properties UpdateType="Software" DefaultPropertiesLanguage="en" PublicationState="Published" CreationDate="2026-03-10T17:00:00Z" PublisherID="395392a0-19c0-48b7-a927-f7c15066d905" /><upd:LocalizedPropertiesCollection><upd:LocalizedProperties><upd:Language>en</upd:Language><upd:Title>Large</upd:Title></upd:LocalizedProperties></upd:LocalizedPropertiesCollection><upd:ApplicabilityRules><upd:IsInstalled><cbsar:CbsPackageInstalled /></upd:IsInstalled><upd:Metadata><cbsar:CbsPackageApplicabilityMetadata><assembly xmlns="urn:schemas-microsoft-com:asm.v3" manifestVersion="1.0">`
	largeTail = `</assembly></cbsar:CbsPackageApplicabilityMetadata></upd:Metadata></upd:ApplicabilityRules><upd:Files /></upd:Update>`
)

func newLarge() *large {
	l := &large{left: 136_000}
	l.part.WriteString(largeHead)
	return l
}

func (l *large) Read(b []byte) (int, error) {
	for l.part.Len() == 0 {
		if l.left < 0 {
			return 0, io.EOF
		}
		if l.left--; l.left < 0 {
			l.part.WriteString(largeTail)
			break
		}
		l.n++
		for _, piece := range []string{
			`<component><assemblyIdentity name="Example-Component-`, `" version="10.0.26100.`, `" processorArchitecture="amd64" language="neutral" buildType="release" publicKeyToken="31bf3856ad364e35" versionScope="nonSxS" /><file name="file`,
			`.dll"></file><hash>sha256</hash>` + "\r\n" + `<keyform>amd64_example-component-`,
		} {
			l.part.WriteString(piece)
			l.part.Write(strconv.AppendInt(l.part.AvailableBuffer(), l.n, 10))
		}
		l.part.WriteString(`_31bf3856ad364e35</keyform></component>`)
	}
	return l.part.Read(b)
}

// counter counts what it is given.
type counter int64

func (c *counter) Write(b []byte) (int, error) { *c += counter(len(b)); return len(b), nil }

// allocated is how much work allocates, all taken together.
func allocated(work func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	work()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// TestLargeDocument reads and derives a document of 47 MB. What that allocates,
// from beginning to end, is less than the document; making it is left out.
func TestLargeDocument(t *testing.T) {
	var size counter
	making := allocated(func() { io.Copy(&size, newLarge()) })
	if size < 45_000_000 || size > 50_000_000 {
		t.Fatalf("the document has %d bytes", size)
	}
	for _, c := range []struct {
		name  string
		bound int64
		work  func()
	}{
		{"parse", 32 << 20, func() { // up to Limits.Rules of it is kept while it may still be all
			u, err := Parse(newLarge())
			if err != nil || u.Rules != nil || u.RulesSize < 45_000_000 || u.Texts[0].Title != "Large" {
				t.Error(u, err)
			}
		}},
		{"parse without rules", 1 << 20, func() {
			u, err := NewParser(Limits{Rules: -1}).Parse(newLarge())
			if err != nil || u.RulesSize < 45_000_000 {
				t.Error(u, err)
			}
		}},
		{"derive", 1 << 20, func() {
			var core, extended counter
			if err := DeriveTo(Targets{Core: &core, Extended: &extended}, newLarge()); err != nil || core < 45_000_000 || extended < 10 {
				t.Error(core, extended, err)
			}
		}},
	} {
		if have := allocated(c.work) - making; have > c.bound {
			t.Errorf("%s of %d bytes allocated %d, more than %d", c.name, size, have, c.bound)
		} else {
			t.Logf("%s of %d bytes allocated %d", c.name, size, have)
		}
	}
}

// BenchmarkParse reads the fragments of the sample export, as an import does.
func BenchmarkParse(b *testing.B) {
	all := documents(b)
	var bytesOf int64
	for _, e := range all {
		bytesOf += int64(len(e.document))
	}
	b.Run("document", func(b *testing.B) {
		b.SetBytes(bytesOf)
		p := NewParser(Limits{})
		for b.Loop() {
			for _, e := range all {
				if _, err := p.Parse(bytes.NewReader(e.document)); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("derive", func(b *testing.B) {
		b.SetBytes(bytesOf)
		for b.Loop() {
			for _, e := range all {
				if err := DeriveTo(Targets{Core: io.Discard, Extended: io.Discard}, bytes.NewReader(e.document)); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	cores, n := make([][]byte, len(all)), int64(0)
	for i, e := range all {
		f, err := Derive(bytes.NewReader(e.document))
		if err != nil {
			b.Fatal(err)
		}
		cores[i] = f.Core
		n += int64(len(f.Core))
	}
	b.Run("core", func(b *testing.B) {
		b.SetBytes(n)
		p := NewParser(Limits{Rules: -1})
		for b.Loop() {
			for _, c := range cores {
				if _, err := p.ParseFragments(c, nil, nil); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
