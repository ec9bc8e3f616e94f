package wsusscn2

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/sync/cabinet"
)

// build is a catalogue that is put together by hand.
type build struct {
	index  string
	graph  string
	shards []map[string]string // by the name of the file in them; package2.cab is the first
	packed bool                // by the outer cabinet
	method cabinet.Compression // of the inner ones
	spoil  func(name string, b []byte)
}

// cab makes a cabinet of one folder. Names are written in their order.
func cab(t testing.TB, method cabinet.Compression, files map[string]string) []byte {
	t.Helper()
	var entries []cabinet.Entry
	for _, name := range slices.Sorted(maps.Keys(files)) {
		// A name may stand for several files of the same name: "2:c/1".
		clean := name
		if i := strings.IndexByte(name, ':'); i >= 0 {
			clean = name[i+1:]
		}
		entries = append(entries, cabinet.Entry{Name: clean, Modified: time.Date(2026, 7, 14, 0, 0, 0, 0, time.UTC), Open: func() (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(files[name])), nil
		}})
	}
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := cabinet.Create(f, cabinet.Options{Compression: method}, entries); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (d build) bytes(t testing.TB) []byte {
	t.Helper()
	files := map[string]string{"package.cab": string(cab(t, d.method, map[string]string{"package.xml": d.graph}))}
	index := `<INDEX VERSION="1"><CABLIST XOR="0"><CAB NAME="package.cab" />`
	for i, s := range d.shards {
		name := fmt.Sprintf("package%d.cab", i+2)
		inner := cab(t, d.method, s)
		if d.spoil != nil {
			d.spoil(name, inner)
		}
		files[name] = string(inner)
		index += fmt.Sprintf(`<CAB NAME="%s" RANGESTART="%d" />`, name, i*100)
	}
	files["index.xml"] = index + `</CABLIST></INDEX>`
	if d.index != "" {
		files["index.xml"] = d.index
	}
	method := cabinet.Stored
	if d.packed {
		method = cabinet.LZX
	}
	return cab(t, method, files)
}

const (
	rootOf  = `<?xml version="1.0" encoding="utf-8"?><OfflineSyncPackage PackageId="e1a000e0-066b-497a-ba62-246d4af43e55" PackageVersion="1.1" CreationDate="2026-07-14T13:54:06Z" SourceId="802cb907-a558-4033-9844-bbf65cd3481e" xmlns="http://schemas.microsoft.com/msus/2004/02/OfflineSync">`
	product = "72e7624a-5b00-45d2-b92f-e561c0a6a160"
	fileID  = "sPK8zxDbanJ9xR1AYriCNKW5YWQ="
)

// id is the identifier of the nth thing of a catalogue made by hand.
func id(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// tiny is a whole catalogue: update 1, which consists of 2 and supersedes 4, the
// product 3, and the old update 4, whose member 2 is too. Update 101 in the
// second cabinet supersedes 1 according to package.xml alone.
func tiny() build {
	categories := `<Categories><Category Type="UpdateClassification" Id="0fa1201d-4330-4fa8-8ae9-b877473b6441" /><Category Type="Company" Id="56309036-4c77-4dd9-951a-99ee9c246a94" />` +
		`<Category Type="ProductFamily" Id="6964aab4-c5b5-43bd-a17d-ffb4346a8e1d" /><Category Type="Product" Id="` + product + `" /></Categories>`
	update := func(n int, id, more, children string) string {
		return fmt.Sprintf(`<Update CreationDate="2026-07-0%dT00:00:00Z" DefaultLanguage="en" UpdateId="%s" RevisionNumber="200" RevisionId="%d"%s>%s</Update>`, n%10+1, id, n, more, children)
	}
	core := func(id, more, relations string) string {
		return fmt.Sprintf(`<UpdateIdentity UpdateID="%s" RevisionNumber="200" /><Properties UpdateType="Software"%s /><Relationships>%s</Relationships>`, strings.ToUpper(id), more, relations)
	}
	deployable := ` ExplicitlyDeployable="true"`
	prerequisites := `<Prerequisites><AtLeastOne IsCategory="true"><UpdateIdentity UpdateID="` + product + `" /></AtLeastOne><AtLeastOne IsCategory="true"><UpdateIdentity UpdateID="0fa1201d-4330-4fa8-8ae9-b877473b6441" /></AtLeastOne></Prerequisites>`
	bundled := `<BundledUpdates><UpdateIdentity UpdateID="` + id(2) + `" RevisionNumber="200" /></BundledUpdates>`
	extended := func(kb int) string {
		return fmt.Sprintf(`<ExtendedProperties DefaultPropertiesLanguage="en" MsrcSeverity="Important"><SecurityBulletinID>MS15-081</SecurityBulletinID><KBArticleID>%d</KBArticleID></ExtendedProperties>`, kb)
	}
	title := func(s string) string {
		return `<LocalizedProperties><Language>en</Language><Title>` + s + `</Title><Description>What it does.</Description></LocalizedProperties>`
	}
	return build{
		graph: rootOf + `<Updates>` +
			update(1, id(1), ` IsBundle="true"`, `<SupersededBy><Revision Id="101" /><Revision Id="999" /></SupersededBy>`+categories) +
			update(2, id(2), ` IsLeaf="true" DeploymentAction="Bundle"`, `<PayloadFiles><File Id="`+fileID+`" /></PayloadFiles><BundledBy><Revision Id="1" /></BundledBy>`) +
			update(3, product, ` DeploymentAction="Evaluate" IsSoftware="false"`, ``) +
			update(4, id(4), ` IsBundle="true"`, categories) +
			update(101, id(101), ` IsBundle="true"`, categories) +
			`</Updates><FileLocations><FileLocation Id="` + fileID + `" Url="http://download.example/a.msu" /></FileLocations></OfflineSyncPackage>`,
		shards: []map[string]string{{
			"c/1": core(id(1), deployable, `<SupersededUpdates><UpdateIdentity UpdateID="`+id(4)+`" /><UpdateIdentity UpdateID="`+id(77)+`" /></SupersededUpdates>`+prerequisites+bundled),
			"x/1": extended(5000001), "l/en/1": title("The update"), "l/de/1": strings.Replace(title("Das Update"), "<Language>en", "<Language>de", 1),
			"c/2": core(id(2), "", prerequisites) + `<ApplicabilityRules><IsInstalled><True /></IsInstalled></ApplicabilityRules>`,
			"x/2": `<ExtendedProperties DefaultPropertiesLanguage="en" Handler="http://schemas.microsoft.com/msus/2002/12/UpdateHandlers/Cbs"><InstallationBehavior RebootBehavior="CanRequestReboot" /><UninstallationBehavior /></ExtendedProperties>` +
				`<Files><File FileName="a.msu" Size="123" Digest="` + fileID + `" DigestAlgorithm="SHA1" /></Files>`,
			"c/3": strings.Replace(core(product, "", ""), "Software", "Category", 1), "l/en/3": title("Windows 11"),
			"c/4": core(id(4), deployable, prerequisites+bundled), "x/4": extended(5000004), "l/en/4": title("The old update"),
		}, {
			"c/101": core(id(101), deployable, prerequisites+bundled), "x/101": extended(5000101), "l/en/101": title("The newest update"),
		}},
	}
}

// sample gives the path of a shared sample, or skips.
func sample(t testing.TB, parts ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{"..", "..", "..", "..", "shared", "samples", "wsusscn2"}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skip("the shared samples are not here")
	}
	return path
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// synchronize takes a file in and gives the error.
func synchronize(t testing.TB, s *store, b []byte, change ...func(*Options)) error {
	t.Helper()
	err := source(b, change...).Synchronize(t.Context(), s.anchor, s, nil)
	if s.open != 0 {
		t.Errorf("%d generations were left open", s.open)
	}
	return err
}
