package installer

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"fettle/model"
)

// Verb is what an order asks for.
type Verb string

// The verbs. There are no others: this process can do nothing else.
const (
	Download Verb = "download" // fetch and check the archives
	Install  Verb = "install"  // the same, then install
)

// Order is one step: the items, all of them and nothing beside them.
type Order struct {
	Verb  Verb
	Plan  uint64 // number of the plan that the items are from, for the log
	Items []model.PlanItem
}

// The grammar, line by line:
//
//	fettle-order 1
//	install | download
//	plan NUMBER
//	item NAME ARCH FROM|- TO SHA256|- SIZE approved|new     (once or more)
//	end
const greeting = "fettle-order 1"

// maxItems bounds an order: more than any distribution has packages in one
// upgrade of a desktop.
const maxItems = 8192

// maxLine bounds one line: three names of at most 200 bytes, and a digest.
const maxLine = 1024

// Validate refuses an order that the grammar cannot say.
func (o Order) Validate() error {
	switch {
	case o.Verb != Download && o.Verb != Install:
		return fmt.Errorf("an order cannot ask for %q", model.Clean(string(o.Verb)))
	case len(o.Items) == 0:
		return errors.New("an order without items")
	case len(o.Items) > maxItems:
		return fmt.Errorf("an order of %d items; at most %d are taken", len(o.Items), maxItems)
	}
	seen := make(map[string]bool, len(o.Items))
	for _, it := range o.Items {
		if err := model.CheckPackage(it.Package, it.Arch, it.To); err != nil {
			return err
		}
		if it.From != "" {
			if err := model.CheckPackage(it.Package, it.Arch, it.From); err != nil {
				return err
			}
			if model.CompareDebianVersions(it.To, it.From) <= 0 {
				return fmt.Errorf("the order would lower %s from %s to %s", it.Package, it.From, it.To)
			}
		}
		if len(it.SHA256) != 0 && len(it.SHA256) != 32 {
			return fmt.Errorf("the digest of %s has %d bytes", it.Package, len(it.SHA256))
		}
		if it.Size < 0 || it.Reason > model.ItemNew {
			return fmt.Errorf("the item of %s has an impossible size or reason", it.Package)
		}
		if key := it.Package + ":" + it.Arch; seen[key] {
			return fmt.Errorf("the order names %s twice", key)
		} else {
			seen[key] = true
		}
	}
	return nil
}

// Write sends the order in its grammar.
func (o Order) Write(w io.Writer) error {
	if err := o.Validate(); err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s\n%s\nplan %d\n", greeting, o.Verb, o.Plan)
	for _, it := range o.Items {
		from, sum, reason := "-", "-", "approved"
		if it.From != "" {
			from = it.From
		}
		if len(it.SHA256) > 0 {
			sum = hex.EncodeToString(it.SHA256)
		}
		if it.Reason == model.ItemNew {
			reason = "new"
		}
		fmt.Fprintf(b, "item %s %s %s %s %s %d %s\n", it.Package, it.Arch, from, it.To, sum, it.Size, reason)
	}
	fmt.Fprintln(b, "end")
	return b.Flush()
}

// ParseOrder reads an order and stops after its last line. Whatever is not the
// grammar, byte for byte, is refused.
func ParseOrder(r *bufio.Reader) (Order, error) {
	var o Order
	next := func() (string, error) {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return "", fmt.Errorf("the order is not complete: %w", err)
		}
		return string(line[:len(line)-1]), nil
	}
	line, err := next()
	if err != nil {
		return o, err
	}
	if line != greeting {
		return o, fmt.Errorf("the order begins with %.40q", line)
	}
	if line, err = next(); err != nil {
		return o, err
	}
	o.Verb = Verb(line)
	if line, err = next(); err != nil {
		return o, err
	}
	number, ok := strings.CutPrefix(line, "plan ")
	if o.Plan, err = strconv.ParseUint(number, 10, 64); !ok || err != nil || strconv.FormatUint(o.Plan, 10) != number {
		return o, fmt.Errorf("%.40q does not number a plan", line)
	}
	for {
		if line, err = next(); err != nil {
			return o, err
		}
		if line == "end" {
			return o, o.Validate()
		}
		if len(o.Items) == maxItems {
			return o, fmt.Errorf("the order has more than %d items", maxItems)
		}
		it, err := parseItem(line)
		if err != nil {
			return o, err
		}
		o.Items = append(o.Items, it)
	}
}

func parseItem(line string) (model.PlanItem, error) {
	var it model.PlanItem
	f := strings.Split(line, " ")
	if len(f) != 8 || f[0] != "item" || f[3] == "" {
		return it, fmt.Errorf("%.60q is not an item", line)
	}
	it.Package, it.Arch, it.To = f[1], f[2], f[4]
	if f[3] != "-" {
		it.From = f[3]
	}
	var err error
	if f[5] != "-" {
		if it.SHA256, err = hex.DecodeString(f[5]); err != nil || len(it.SHA256) != 32 || hex.EncodeToString(it.SHA256) != f[5] {
			return it, fmt.Errorf("%.80q is not a SHA-256", f[5])
		}
	}
	if it.Size, err = strconv.ParseInt(f[6], 10, 64); err != nil || it.Size < 0 || strconv.FormatInt(it.Size, 10) != f[6] {
		return it, fmt.Errorf("%.40q is not a size", f[6])
	}
	switch f[7] {
	case "approved":
	case "new":
		it.Reason = model.ItemNew
	default:
		return it, fmt.Errorf("%.40q is not a reason", f[7])
	}
	return it, nil
}
