package publisher

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fettle/model"
)

var rewrite = flag.Bool("update", false, "write the golden files anew")

// TestGoldenDocuments holds documents of every kind to their bytes.
func TestGoldenDocuments(t *testing.T) {
	items := WithCategories([]Item{
		detectoid("a detectoid", Windows("10.0")), detectoid("another detectoid", Or(Processor(AMD64), Not(Processor(ARM64)))), update(),
		{ID: ID("a driver"), Kind: model.DocumentDriver, Title: "Intel - net - 1.2.3.4", Class: model.ClassDriver, Products: []model.CategoryID{Windows10}, Handler: WindowsDriver,
			Drivers: []Driver{{HardwareID: `pci\ven_8086&dev_15b8`, Class: "Net", Manufacturer: "Intel", Provider: "Intel", Model: "Ethernet", Company: "Intel", Version: "1.2.3.4", WhqlID: "42", Date: Epoch}}},
		{ID: ID("an installer"), Title: "A command & its <codes>", Class: model.ClassTool, Products: []model.CategoryID{Office2016}, Handler: CommandLine, Input: true, Files: []File{NewFile("tool.exe", DownloadHost, []byte("MZ"))}},
		{ID: ID("an installer of systems"), Title: "Cumulative", Handler: OSInstaller, Files: []File{NewFile("a.msu", DownloadHost, []byte("msu"))}, Alternatives: []Item{{Title: "One"}, {Title: "Other"}}},
	})
	for name, style := range map[string]Style{"usual": {}, "odd": Odd} {
		var all bytes.Buffer
		for _, d := range mustDocuments(t, items, style) {
			all.Write(d.Part(model.PartWhole))
			all.WriteString("\n")
		}
		path := filepath.Join("testdata", name+".golden")
		if *rewrite {
			if err := os.WriteFile(path, all.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(all.Bytes(), want) {
			t.Errorf("the documents of style %s differ from %s; see the difference with -update and git diff", name, path)
		}
	}
}

// TestStylesMeanTheSame holds styles to what they may change, whatever is
// written, and writing to being the same each time.
func TestStylesMeanTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		it := anItem(1).Draw(t, "item")
		var want string
		for i, style := range []Style{{}, {}, Odd, {Declare: true}, {Indent: true}, {Capitals: true}, {Prefixes: map[string]string{"upd": "u", "bar": ""}, Declare: true}} {
			data, err := Document(it, style)
			if err != nil {
				t.Fatal(err)
			}
			got := tree(t, data)
			if i == 0 {
				want = got
			} else if got != want {
				t.Fatalf("style %+v changes the meaning:\n%s\nnot\n%s", style, got, want)
			}
			if i == 1 {
				if again, _ := Document(it, style); !bytes.Equal(again, data) {
					t.Fatal("the same item gave other bytes")
				}
			}
		}
	})
}

// TestHostileTextStaysText looks for titles in the document as a stranger reads it.
func TestHostileTextStaysText(t *testing.T) {
	for _, s := range hostile {
		data, err := Document(Item{ID: ID("x"), Title: s, KB: []string{s}, Support: s}, Style{})
		if err != nil {
			t.Fatal(err)
		}
		got := tree(t, data)
		if n := strings.Count(got, "}KBArticleID "); n != 1 {
			t.Errorf("%q made %d KB articles", s, n)
		}
		for i, r := range string(data) {
			if r < ' ' {
				t.Errorf("%q: control character %q at %d", s, r, i)
			}
		}
	}
}

func TestDocumentRefuses(t *testing.T) {
	for name, it := range map[string]Item{
		"no identifier":         {Title: "x"},
		"no GUID":               {ID: "deb/a/b/c/d"},
		"hidden GUID":           {ID: "56309036-4c77-4dd9-951a-99ee9c246a94\n"},
		"category without sort": {ID: ID("x"), Kind: model.DocumentCategory},
		"software with sort":    {ID: ID("x"), Category: &Category{}},
		"withdrawn":             {ID: ID("x"), Publication: model.Withdrawn},
	} {
		if _, err := Document(it, Style{}); err == nil {
			t.Errorf("%s: was written", name)
		}
	}
}

func TestOrder(t *testing.T) {
	older := Item{ID: ID("older"), Title: "older", Supersedes: []model.UpdateID{ID("newer")}} // a cycle that does not count
	newer := Item{ID: ID("newer"), Title: "newer", Supersedes: []model.UpdateID{ID("older")}}
	first := detectoid("a detectoid", True())
	first.Prerequisites = [][]model.UpdateID{{ID("another detectoid")}}
	items := WithCategories([]Item{detectoid("another detectoid", True()), first, update(), older, newer})
	slices.Reverse(items) // the order that is given does not count
	docs := mustDocuments(t, items, Style{})
	place := map[model.DocumentKey]int{}
	for i, d := range docs {
		place[d.DocumentKey] = i
	}
	for _, it := range Flatten(items) {
		for _, id := range it.refers() {
			if at := position(docs, id); at < 0 || at > place[it.Key()] {
				t.Errorf("%s refers to %s, which comes at %d", it.Title, id, at)
			}
		}
	}
	for i := 1; i < len(docs); i++ {
		if docs[i].Kind == model.DocumentCategory && docs[i-1].Kind != model.DocumentCategory {
			t.Error("a category comes after something else")
		}
	}
	if len(docs) != 4+2+2+2 {
		t.Errorf("%d documents", len(docs))
	}

	twice := update()
	twice.Title = "other"
	if _, err := Documents([]Item{update(), twice}, Style{}); err == nil {
		t.Error("two documents of one revision went through")
	}
	if docs := mustDocuments(t, []Item{update(), update()}, Style{}); len(docs) != 2 {
		t.Errorf("%d documents of one bundle that was given twice", len(docs))
	}
}
