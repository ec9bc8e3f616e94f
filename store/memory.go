package store

import (
	"slices"
	"strings"

	"fettle/model"
)

// textPacker makes the list form of updates small: the texts of a row become parts of
// one string, and what many rows say is kept once. What a decoder made is given
// up as a whole, instead of being held in place by the texts that rows keep.
type textPacker struct {
	texts    map[string]string
	products map[string][]model.CategoryID
}

func newTextPacker() *textPacker {
	return &textPacker{texts: map[string]string{}, products: map[string][]model.CategoryID{}}
}

// once gives the copy of a text that all rows share.
func (p *textPacker) once(s string) string {
	if s == "" {
		return ""
	}
	if known, ok := p.texts[s]; ok {
		return known
	}
	s = strings.Clone(s)
	p.texts[s] = s
	return s
}

// pack gives the row in its small form.
func (p *textPacker) pack(old *model.UpdateRow) *model.UpdateRow {
	r := *old
	lists := [...]*[]string{&r.KB, &r.Bulletin, &r.CVEs, &r.Packages}
	size, count := len(r.ID)+len(r.Title)+len(r.Version), 0
	for _, l := range lists {
		count += len(*l)
		for _, s := range *l {
			size += len(s)
		}
	}
	var b strings.Builder
	b.Grow(size)
	b.WriteString(string(r.ID))
	b.WriteString(r.Title)
	b.WriteString(r.Version)
	for _, l := range lists {
		for _, s := range *l {
			b.WriteString(s)
		}
	}
	rest := b.String()
	take := func(s string) string {
		head := rest[:len(s)]
		rest = rest[len(s):]
		return head
	}
	r.ID, r.Title, r.Version = model.UpdateID(take(string(r.ID))), take(r.Title), take(r.Version)
	all := make([]string, 0, count)
	for _, l := range lists {
		if len(*l) == 0 {
			*l = nil
			continue
		}
		from := len(all)
		for _, s := range *l {
			all = append(all, take(s))
		}
		*l = slices.Clip(all[from:])
	}
	r.Upstream = p.once(r.Upstream)
	if len(r.Language) > 0 {
		language := make([]string, len(r.Language))
		for i, s := range r.Language {
			language[i] = p.once(s)
		}
		r.Language = language
	}
	r.Products = p.sameProducts(r.Products)
	return &r
}

// sameProducts gives the copy of a list of products that all rows share.
func (p *textPacker) sameProducts(ids []model.CategoryID) []model.CategoryID {
	if len(ids) == 0 {
		return nil
	}
	var key strings.Builder
	for _, id := range ids {
		key.WriteString(string(id))
		key.WriteByte(0)
	}
	if known, ok := p.products[key.String()]; ok {
		return known
	}
	list := make([]model.CategoryID, len(ids))
	for i, id := range ids {
		list[i] = model.CategoryID(p.once(string(id)))
	}
	p.products[key.String()] = list
	return list
}
