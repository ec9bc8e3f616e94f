package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fettle/model"
)

// someProducts are trees in which titles repeat.
func someProducts() []model.Category {
	return []model.Category{
		{ID: "ms", Kind: model.CategoryCompany, Title: "Microsoft"},
		{ID: "win", Kind: model.CategoryFamily, Title: "Windows", Parent: "ms"},
		{ID: "dev", Kind: model.CategoryFamily, Title: "Developer Tools, Runtimes, and Redistributables", Parent: "ms"},
		{ID: "w10", Title: "Windows 10", Parent: "win"},
		{ID: "w1903", Title: "Windows 10, version 1903 and later", Parent: "win"},
		{ID: "s16win", Title: "Windows Server 2016", Parent: "win"},
		{ID: "s16dev", Title: "Windows Server 2016", Parent: "dev"},
		{ID: "deb/Debian/bookworm", Title: "Debian 12 (bookworm)"},
		{ID: "sec", Kind: model.CategoryClassification, Title: "Security Updates"},
	}
}

func TestNamesOfProducts(t *testing.T) {
	all := someProducts()
	tree := model.NewCategoryTree(all)
	for word, want := range map[string]string{
		"w10": "w10", "W10": "w10", "windows 10": "w10", "Windows 10, version 1903 and later": "w1903", "Windows > Windows Server 2016": "s16win", "windows>windows server 2016": "s16win",
		"Microsoft > Windows > Windows Server 2016": "s16win", " Windows ": "win", "deb/Debian/bookworm": "deb/Debian/bookworm", "Security Updates": "sec",
		"Windows Server 2016": "!is the name of 2 products", "Server 2016": "!near it are", "Developer Tools > Windows 10": "!there is no product", "": "!there is no product", "> Windows 10": "!there is no product",
	} {
		c, err := findCategory(tree, all, word)
		var usage *usageError
		if wrong, ok := strings.CutPrefix(want, "!"); ok {
			if !errors.As(err, &usage) || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%q gave %s, %v", word, c.ID, err)
			}
		} else if err != nil || string(c.ID) != want {
			t.Errorf("%q gave %s, %v", word, c.ID, err)
		}
	}
	if _, err := findCategory(model.NewCategoryTree(nil), nil, "x"); err == nil || !strings.Contains(err.Error(), "fettle import") {
		t.Error("without products it says", err)
	}
}

// Names hold commas, and lists are made with them.
func TestListsOfProducts(t *testing.T) {
	all := someProducts()
	tree := model.NewCategoryTree(all)
	for list, want := range map[string]string{
		"w10":                                "w10",
		"Windows 10,w1903":                   "w10 w1903",
		"Windows 10, w1903 ":                 "w10 w1903",
		"Windows 10, version 1903 and later": "w1903",
		"Developer Tools, Runtimes, and Redistributables,Windows 10, version 1903 and later,Windows 10":                            "dev w1903 w10",
		"Windows > Windows Server 2016,Developer Tools, Runtimes, and Redistributables > Windows Server 2016,debian 12 (bookworm)": "s16win s16dev deb/Debian/bookworm",
		"Windows 10,Windows Server 2016": "",
		"Windows 10,,w1903":              "",
	} {
		found, err := findCategories(tree, all, list)
		var ids []string
		for _, c := range found {
			ids = append(ids, string(c.ID))
		}
		if got := strings.Join(ids, " "); got != want || (err != nil) != (want == "") {
			t.Errorf("%q gave %q, %v", list, got, err)
		}
	}
}

// What is chosen or taken out is that with all below it, and nothing else.
func TestChoiceChangesWhatIsNamedOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []model.Category
		for i := range rapid.IntRange(1, 12).Draw(t, "categories") {
			c := model.Category{ID: model.CategoryID(fmt.Sprint(i)), Title: fmt.Sprint("title ", i%3)}
			if i > 0 {
				if p := rapid.IntRange(-1, i-1).Draw(t, "parent"); p >= 0 {
					c.Parent = model.CategoryID(fmt.Sprint(p))
				}
			}
			all = append(all, c)
		}
		tree := model.NewCategoryTree(all)
		c := &choice{tree: tree, products: map[model.CategoryID]bool{}}
		// Below a leaf nothing is, so that leaves say all.
		var leaves []model.CategoryID
		for _, x := range all {
			if len(tree.Children(x.ID)) == 0 {
				leaves = append(leaves, x.ID)
			}
		}
		selected := func() map[model.CategoryID]bool {
			m := map[model.CategoryID]bool{}
			for _, id := range leaves {
				m[id] = c.selects(id)
			}
			return m
		}
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			id := all[rapid.IntRange(0, len(all)-1).Draw(t, "which")].ID
			before, everything := selected(), len(c.products) == 0
			add := rapid.Bool().Draw(t, "add")
			if add {
				c.add(id)
			} else if c.remove(id); len(c.products) == 0 {
				return // refused: it would mean everything
			}
			for _, leaf := range leaves {
				below := tree.Within(leaf, map[model.CategoryID]bool{id: true})
				want := before[leaf]
				switch {
				case below:
					want = add
				case add && everything:
					want = false // the first choice is of what is named
				}
				if got := c.selects(leaf); got != want {
					t.Fatalf("%s after add %v of %s: %v, want %v; chosen: %v", leaf, add, id, got, want, c.list())
				}
			}
			for chosen := range c.products {
				for other := range c.products {
					if chosen != other && tree.Within(chosen, map[model.CategoryID]bool{other: true}) {
						t.Fatalf("%s is chosen with %s, which has it", chosen, other)
					}
				}
			}
		}
	})
}

func TestFilesAsUpstreams(t *testing.T) {
	u, err := upstreamFlag("wsusscn2=/srv/a, b=c.cab", "")
	if err != nil || u.Kind != model.UpstreamWsusscn2 || u.Location != "/srv/a, b=c.cab" || u.Name != "wsusscn2" || u.Options != nil {
		t.Errorf("%+v, %v", u, err)
	}
	if u, err := upstreamFlag("wsusexport=/x.cab", "mine"); err != nil || u.Name != "mine" || u.Kind != model.UpstreamWsusExport {
		t.Errorf("%+v, %v", u, err)
	}
	for _, text := range []string{"wsusscn2=x.cab", "wsusexport=../x.cab", "wsusscn2=FILE", "wsusscn2="} {
		var usage *usageError
		if _, err := upstreamFlag(text, ""); !errors.As(err, &usage) {
			t.Errorf("%s gave %v", text, err)
		}
	}
}

// A read that hangs keeps nobody.
func TestSpoolingCanBeInterrupted(t *testing.T) {
	in, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var out strings.Builder
	go func() {
		_, _ = w.Write([]byte("abc"))
		cancel()
	}()
	if n, err := copyUntil(ctx, &out, in, 100); !errors.Is(err, context.Canceled) || n > 3 {
		t.Error(n, err)
	}
	n, err := copyUntil(t.Context(), &out, strings.NewReader("0123456789"), 4)
	if n != 4 || err != nil {
		t.Error(n, err)
	}
}

func TestPartsOfDocuments(t *testing.T) {
	for _, word := range []string{"document", "core", "extended", "text", "text/en", "eula", "eula/pt-br"} {
		if !partName(word) {
			t.Errorf("%q is refused", word)
		}
	}
	for _, word := range []string{"", "Core", "text/", "picture", "core/en", "eulas"} {
		if partName(word) {
			t.Errorf("%q is accepted", word)
		}
	}
	names := []string{"document", "core", "text/de", "text/en", "eula/fr"}
	for prefix, want := range map[string]string{"text/": "text/en", "eula/": "eula/fr"} {
		if got := anyLanguage(names, prefix, "en"); got != want {
			t.Errorf("%s gave %s", prefix, got)
		}
	}
	if got := anyLanguage(names, "text/", "de"); got != "text/de" {
		t.Error(got)
	}
	if !slices.Equal(names, []string{"document", "core", "text/de", "text/en", "eula/fr"}) {
		t.Error("the names were changed")
	}
}

func TestProgressInBytes(t *testing.T) {
	for want, p := range map[string]model.Progress{
		"Writing: 1.0 MB of 4.0 MB (25 %)":          {Phase: "writing", Done: 1_000_000, Total: 4_000_000, Bytes: 1_000_000},
		"Reading: 20.0 MB of 80.0 MB (25 %)":        {Phase: "reading", Done: 20_000_000, Total: 80_000_000},
		"Reading: 5 of 20 (25 %), 1.0 kB":           {Phase: "reading", Done: 5, Total: 20, Bytes: 1000},
		"Putting together: 5000 of 137000 (3 %)":    {Phase: "putting together", Done: 5000, Total: 137_000},
		"Receiving standard input: 2000000, 2.0 MB": {Phase: "receiving standard input", Done: 2_000_000, Bytes: 2_000_000},
	} {
		a, _, errs := session("")
		a.s.Live = 80
		a.meter().show(p)
		if got := strings.TrimSpace(strings.Trim(errs.String(), "\r")); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
