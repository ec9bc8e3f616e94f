package metadata

import (
	"bytes"
	"strings"
	"testing"

	"fettle/model"
)

// TestGoldenPairs compares with what real servers send, byte for byte. In each
// pair the document was fetched by a server, and the fragment by a client.
func TestGoldenPairs(t *testing.T) {
	for _, c := range []struct {
		id       model.UpdateID
		revision uint32
		part     string
		path     []string
	}{
		{"266f6222-c89d-43f2-9f8a-69340271e677", 200, "core", []string{"fragments", "266f6222-r200.core.txt"}},
		{"266f6222-c89d-43f2-9f8a-69340271e677", 200, "extended", []string{"fragments", "266f6222-r200.extended.txt"}},
		{"3333902a-bef2-4507-b42a-fe8219658d52", 106, "core", []string{"fragments", "detectoid-3333902a-r106.core.txt"}},
		{"aabd43ad-a183-4f0b-8eee-8dbbcd67687f", 100, "core", []string{"wsusscn2", "hexmystic-2026-07", "c", "3"}},
		{"0fa1201d-4330-4fa8-8ae9-b877473b6441", 100, "core", []string{"wsusscn2", "hexmystic-2026-07", "c", "5"}},
	} {
		t.Run(string(c.id[:8])+"/"+c.part, func(t *testing.T) {
			want := sample(t, c.path...)
			f, err := Derive(bytes.NewReader(pick(t, c.id, c.revision)))
			if err != nil {
				t.Fatal(err)
			}
			have := f.Core
			if c.part == "extended" {
				have = f.Extended
			}
			same(t, have, want)
		})
	}
	t.Run("56309036/core", func(t *testing.T) {
		all := captured(t, "captures-wusp", "ws2025-SyncUpdates-category-root.response.xml")
		f, err := Derive(bytes.NewReader(pick(t, "56309036-4c77-4dd9-951a-99ee9c246a94", 101)))
		if err != nil || len(all) != 1 {
			t.Fatal(err, len(all))
		}
		same(t, f.Core, []byte(all[0]))
	})
}

// TestCapturedDocument is the document as a server answers another one with it.
func TestCapturedDocument(t *testing.T) {
	all := captured(t, "captures-wsusss", "ws2025-GetUpdateData-uncompressed.response.xml")
	if len(all) != 1 {
		t.Fatal(len(all))
	}
	f, err := Derive(strings.NewReader(all[0]))
	if err != nil {
		t.Fatal(err)
	}
	want, err := Derive(bytes.NewReader(pick(t, "ccb78947-6453-4ecc-9de8-bc0305c98f2d", 200)))
	if err != nil {
		t.Fatal(err)
	}
	same(t, f.Core, want.Core)
	same(t, f.Core, []byte(`<UpdateIdentity UpdateID="ccb78947-6453-4ecc-9de8-bc0305c98f2d" RevisionNumber="200" /><Properties UpdateType="Software" /><Relationships><Prerequisites><AtLeastOne><UpdateIdentity UpdateID="e0789628-ce08-4437-be74-2495b842f43b" /></AtLeastOne><AtLeastOne><UpdateIdentity UpdateID="8c3fcc84-7410-4a95-8b89-a166a0190486" /></AtLeastOne></Prerequisites><BundledUpdates><AtLeastOne><UpdateIdentity UpdateID="b6f443c9-ad38-4347-bab3-f1dc0b03d533" RevisionNumber="200" /><UpdateIdentity UpdateID="0daf8592-9e3f-4a8a-9141-d83fafebd09f" RevisionNumber="200" /><UpdateIdentity UpdateID="4c0a0a90-4bd5-4fe5-b306-8dbd6fde30a0" RevisionNumber="200" /><UpdateIdentity UpdateID="e052d9bd-e49c-4d6e-876e-005b49b89812" RevisionNumber="200" /></AtLeastOne></BundledUpdates></Relationships>`))
	same(t, f.Extended, []byte(`<ExtendedProperties DefaultPropertiesLanguage="en" />`))
	if len(f.Texts) != 1 || f.Texts[0].Language != "en" {
		t.Fatal(f.Texts)
	}
	same(t, f.Texts[0].Data, []byte(`<LocalizedProperties><Language>en</Language><Title>HIDDEN: Defender MpSigStub 1.1.24010.2001 for EngineBroad (Installer 1.1.24010.2001-Q)</Title></LocalizedProperties>`))
}

func same(t testing.TB, have, want []byte) {
	t.Helper()
	if bytes.Equal(have, want) {
		return
	}
	at := 0
	for at < len(have) && at < len(want) && have[at] == want[at] {
		at++
	}
	from := max(0, at-60)
	t.Errorf("%d bytes instead of %d, the first difference is at byte %d:\nhave %q\nwant %q", len(have), len(want), at,
		have[from:min(len(have), at+60)], want[from:min(len(want), at+60)])
}

// TestRealFragmentsAreTheirOwnForm reads what real servers and offline
// catalogues hold as rules, and writes it again: it comes out as it went in.
func TestRealFragmentsAreTheirOwnForm(t *testing.T) {
	for _, path := range []string{
		"fragments/266f6222-r200.core.txt", "fragments/cbs-rollupfix-267dd2b4-r200.core.txt", "fragments/detectoid-378c0b3f-r200.core.txt",
		"wsusscn2/hexmystic-2026-07/c/2", "wsusscn2/vuls-fixture/package2/c/234567", "wsusscn2/hexmystic-2026-07/c/616.shortened",
	} {
		core := sample(t, strings.Split(path, "/")...)
		body := string(core)
		for _, drop := range []string{"<UpdateIdentity ", "<Properties "} {
			if i := strings.Index(body, drop); i != 0 {
				t.Fatalf("%s begins with %.40q", path, body)
			}
			body = body[strings.Index(body, "/>")+2:]
		}
		document := `<Update xmlns="` + updateSpace + `"><UpdateIdentity UpdateID="266f6222-c89d-43f2-9f8a-69340271e677" RevisionNumber="1" /><Properties UpdateType="Software" />` + body + `</Update>`
		f, err := Derive(strings.NewReader(document))
		if err != nil {
			t.Fatal(path, err)
		}
		same(t, f.Core, []byte(`<UpdateIdentity UpdateID="266f6222-c89d-43f2-9f8a-69340271e677" RevisionNumber="1" /><Properties UpdateType="Software" />`+body))
	}
}
