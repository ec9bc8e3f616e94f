package offline

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
)

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

// graph writes package.xml.
func (p *plan) graph(w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	fmt.Fprintf(out, `<?xml version="1.0" encoding="utf-8"?><OfflineSyncPackage MinimumClientVersion="5.8.0.2678" PackageId="%s" PackageVersion="1.1" ProtocolVersion="1.0" `+
		`CreationDate="%s" SourceId="%s" xmlns="http://schemas.microsoft.com/msus/2004/02/OfflineSync"><Updates>`, p.guid("package", p.Edition), stamp(created(p.Edition)), p.guid("source", 0))
	var b []byte
	for i, r := range p.revisions {
		b = p.update(b[:0], r, i+1)
		out.Write(b) // the writer keeps its first error
	}
	io.WriteString(out, `</Updates><FileLocations>`)
	for n := range p.files {
		f := p.file(int32(n))
		fmt.Fprintf(out, `<FileLocation Id="%s" Url="%s" />`, base64.StdEncoding.EncodeToString(f.sha1[:]), p.url(int32(n)))
	}
	io.WriteString(out, `</FileLocations></OfflineSyncPackage>`)
	return out.Flush()
}

// update writes one Update element.
func (p *plan) update(b []byte, r revisionPlan, key int) []byte {
	made := created(1).AddDate(-9, 0, -int(r.index)%1000)
	var bundle *bundlePlan
	switch r.kind {
	case thingBundle:
		bundle = &p.bundles[r.index]
	case thingMember:
		bundle = &p.bundles[p.members[r.index].bundle]
	}
	if bundle != nil {
		made = bundle.made
	}
	b = fmt.Appendf(b, `<Update CreationDate="%s" DefaultLanguage="en" UpdateId="%s" RevisionNumber="%d" RevisionId="%d"`, stamp(made), p.id(r), p.revision(r), key)
	switch r.kind {
	case thingCategory, thingDetectoid:
		b = append(b, ` DeploymentAction="Evaluate" IsSoftware="false"><Prerequisites />`...)
	case thingBundle:
		if r.index%10 == 3 {
			b = append(b, ` IsLeaf="true"`...)
		}
		b = append(b, ` IsBundle="true">`...)
		b = p.prerequisites(b, bundle)
		b = p.backward(b, bundle)
		line := &p.lines[bundle.line]
		family := p.categories[line.product].parent
		b = fmt.Appendf(b, `<Categories><Category Type="UpdateClassification" Id="%s" /><Category Type="Company" Id="%s" /><Category Type="ProductFamily" Id="%s" /><Category Type="Product" Id="%s" /></Categories>`,
			p.categories[line.class(bundle.place)].id, p.categories[company].id, p.categories[family].id, p.categories[line.product].id)
		if p.terms(r.index) {
			b = fmt.Appendf(b, `<EulaFiles><File Id="%s"><Language Name="en" /></File></EulaFiles>`, base64.StdEncoding.EncodeToString(make([]byte, 20)))
		}
	case thingMember:
		b = append(b, ` IsLeaf="true" DeploymentAction="Bundle">`...)
		b = p.prerequisites(b, bundle)
		f := p.file(p.members[r.index].file)
		b = fmt.Appendf(b, `<PayloadFiles><File Id="%s" /></PayloadFiles><BundledBy><Revision Id="%d" /></BundledBy>`,
			base64.StdEncoding.EncodeToString(f.sha1[:]), p.key(thingBundle, p.members[r.index].bundle))
	}
	return append(b, `</Update>`...)
}

func (p *plan) prerequisites(b []byte, bundle *bundlePlan) []byte {
	line := &p.lines[bundle.line]
	return fmt.Appendf(b, `<Prerequisites><UpdateId Id="%s" /><UpdateId Id="%s" /><Or><UpdateId Id="%s" /><UpdateId Id="%s" /></Or></Prerequisites>`,
		p.categories[line.product].id, p.categories[line.class(bundle.place)].id, p.guid("detectoid", line.arch), p.guid("detectoid", 3))
}

// backward writes which newer updates of the line supersede a bundle. Some name
// one that is not in the catalogue.
func (p *plan) backward(b []byte, bundle *bundlePlan) []byte {
	line := &p.lines[bundle.line]
	var by []int32
	for d := int32(1); d <= min(int32(p.superseding(bundle)), longestBackward); d++ {
		newer := line.bundles[bundle.place+d]
		if _, graph := p.edge(&p.bundles[newer], d); graph {
			by = append(by, p.key(thingBundle, newer))
		}
	}
	if len(by) == 0 {
		return b
	}
	b = append(b, `<SupersededBy>`...)
	for _, key := range by {
		b = fmt.Appendf(b, `<Revision Id="%d" />`, key)
	}
	return append(b, `</SupersededBy>`...)
}
