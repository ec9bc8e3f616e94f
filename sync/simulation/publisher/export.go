package publisher

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf16"

	"fettle/model"
	"fettle/sync/cabinet"
)

// PackageOptions say what a package tells of the server that exported it. The
// zero value is that of an invented one.
type PackageOptions struct {
	Server      model.UpdateID // a GUID
	Created     time.Time      // zero means the day after Epoch
	Protocol    string         // "" means 1.20, which servers had in 2024
	Compression cabinet.Compression
	Style       Style
}

// languages are some of the 39 that a real server lists.
var languages = []struct {
	id          int
	short, long string
}{{0, "all", "all"}, {1031, "de", "German"}, {1033, "en", "English"}, {1036, "fr", "French"}, {1041, "ja", "Japanese"}}

// Package writes the items in the shape of a `wsusutil export` package: a
// cabinet of package.xml and metadata.txt (offline-catalogues C.1). Real ones
// are packed with LZX; the zero Compression stores.
func Package(w io.WriteSeeker, items []Item, o PackageOptions) error {
	list, records, err := PackageParts(items, o)
	if err != nil {
		return err
	}
	entry := func(name string, data []byte) cabinet.Entry {
		return cabinet.Entry{Name: name, Modified: o.created(), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
	}
	err = cabinet.Create(w, cabinet.Options{Compression: o.Compression, Reserve: 6144}, []cabinet.Entry{entry("package.xml", list), entry("metadata.txt", records)})
	if err != nil {
		return fmt.Errorf("writing an export package: %w", err)
	}
	return nil
}

func (o PackageOptions) created() time.Time {
	if o.Created.IsZero() {
		return Epoch.Add(24 * time.Hour)
	}
	return o.Created
}

// PackageParts writes the two files of which a package consists.
func PackageParts(items []Item, o PackageOptions) (packageXML, metadata []byte, err error) {
	documents, err := Documents(items, o.Style)
	if err != nil {
		return nil, nil, fmt.Errorf("making an export package: %w", err)
	}
	flat := Flatten(items)

	var records bytes.Buffer
	for _, d := range documents {
		xml := d.Part(model.PartWhole)
		// The length counts UTF-16 units, as .NET's strings have them.
		fmt.Fprintf(&records, "%s,%08x,%08x,%s\r\n", d.ID, d.Revision, len(utf16.Encode([]rune(string(xml)))), xml)
	}

	if o.Server == "" {
		o.Server = ID("server")
	}
	if o.Protocol == "" {
		o.Protocol = "1.20"
	}
	attr := func(e *element, pairs ...string) *element {
		e.attributes = append(e.attributes, pairs...)
		return e
	}
	known := node("Languages")
	for _, l := range languages {
		enabled := "0"
		if l.id == 0 {
			enabled = "1"
		}
		known.add(attr(node("Language"), "Id", fmt.Sprint(l.id), "ShortName", l.short, "LongName", l.long, "Enabled", enabled))
	}
	files, updates := node("Files"), node("Updates")
	named := map[string]bool{}
	for i := range flat {
		own := node("Files")
		for _, f := range flat[i].Files {
			digest := base64.StdEncoding.EncodeToString(f.SHA1)
			own.add(attr(node("File"), "Digest", digest))
			if !named[digest] {
				named[digest] = true
				files.add(attr(node("File"), "Digest", digest, "MUUrl", f.URL, "Name", f.Name))
			}
		}
		// Microsoft's own writer of packages lists what members inherit, too, and
		// no licence terms (wsusss 9.1; WsusExport.cs).
		products, classes := node("Categories"), node("Classifications")
		if k := flat[i].Kind; k == model.DocumentSoftware || k == model.DocumentDriver {
			for _, p := range flat[i].Products {
				products.add(attr(node("Category"), "Value", string(p)))
			}
			if id, ok := ClassificationID(flat[i].Class); ok {
				classes.add(attr(node("Classification"), "Value", string(id)))
			}
		}
		key := flat[i].Key()
		updates.add(attr(node("Update", own, products, classes), "UpdateId", string(key.ID), "RevisionNumber", fmt.Sprint(key.Revision)))
	}
	root := attr(node("ExportPackage", known, files, updates),
		"ServerID", string(o.Server), "CreationTime", o.created().UTC().Format(time.RFC3339), "FormatVersion", "1.0", "ProtocolVersion", o.Protocol)
	var m markup
	m.WriteString("\ufeff" + `<?xml version="1.0" encoding="utf-8"?>`)
	m.element(root, scope{}, 0, true)
	return []byte(m.String()), records.Bytes(), nil
}

// payload is what has to be downloaded for the item: its files and licence
// terms.
func (it *Item) payload() []File {
	out := append([]File(nil), it.Files...)
	if it.Eula != nil {
		for _, t := range it.Eula.Terms {
			out = append(out, t.file(it.Eula))
		}
	}
	return out
}

// WriteContent writes the contents of all files that are known as a server's
// content directory has them below dir: WsusContent/XX/SHA1.ext, XX being the
// last two digits of the digest (offline-catalogues C.3). It returns how many
// files it wrote.
func WriteContent(dir string, items []Item) (int, error) {
	n := 0
	done := map[string]bool{}
	for _, it := range Flatten(items) {
		for _, f := range it.payload() {
			name := strings.ToUpper(fmt.Sprintf("%x", f.SHA1))
			if f.Content == nil || len(name) != 40 || done[name] {
				continue
			}
			done[name] = true
			path := filepath.Join(dir, "WsusContent", name[38:], name+strings.ToLower(extension(f.Name)))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return n, fmt.Errorf("making a content directory: %w", err)
			}
			if err := os.WriteFile(path, f.Content, 0o644); err != nil {
				return n, fmt.Errorf("writing content: %w", err)
			}
			n++
		}
	}
	return n, nil
}
