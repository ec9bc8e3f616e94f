package table

import (
	"strconv"
	"strings"
	"testing"
	"time"

	bubbles "github.com/charmbracelet/bubbles/table"
	tea "github.com/charmbracelet/bubbletea"
)

const benchRows, benchWidth, benchHeight = 100_000, 120, 40

func benchCells(i int) []string {
	n := strconv.Itoa(i)
	return []string{"openssl 3.0." + n + "-1~deb12u1: Secure Sockets Layer toolkit", "security", n, "0", "not approved", "2026-01-02", "1.2 MB"}
}

var benchColumns = []struct {
	title string
	width int
}{{"Title", 50}, {"Class", 9}, {"Needed", 7}, {"Failed", 7}, {"Approval", 14}, {"Released", 10}, {"Size", 8}}

func ours(b *testing.B) func() {
	cols := make([]Column, len(benchColumns))
	for i, c := range benchColumns {
		cols[i] = Column{Title: c.title, Width: c.width, Flexible: i == 0}
	}
	tab := New(styles(b), func(id int) []Cell {
		texts := benchCells(id)
		cells := make([]Cell, len(texts))
		for i, s := range texts {
			cells[i].Text = s
		}
		return cells
	}, cols...)
	tab.SetRows(numbers(benchRows), 1)
	return func() {
		tab.Move(1)
		_ = tab.Header(benchWidth) + strings.Join(tab.Lines(benchWidth, benchHeight), "\n")
	}
}

func theirs() func() {
	cols := make([]bubbles.Column, len(benchColumns))
	for i, c := range benchColumns {
		cols[i] = bubbles.Column{Title: c.title, Width: c.width}
	}
	rows := make([]bubbles.Row, benchRows)
	for i := range rows {
		rows[i] = benchCells(i)
	}
	m := bubbles.New(bubbles.WithColumns(cols), bubbles.WithRows(rows), bubbles.WithFocused(true), bubbles.WithHeight(benchHeight), bubbles.WithWidth(benchWidth))
	down := tea.KeyMsg{Type: tea.KeyDown}
	return func() {
		m, _ = m.Update(down)
		_ = m.View()
	}
}

// BenchmarkKey is one keypress and the frame after it, with 100,000 rows at
// 120x40; bubbles/table is the baseline of the same run.
func BenchmarkKey(b *testing.B) {
	b.Run("fettle", func(b *testing.B) {
		key := ours(b)
		for b.Loop() {
			key()
		}
	})
	b.Run("bubbles", func(b *testing.B) {
		key := theirs()
		for b.Loop() {
			key()
		}
	})
	b.Run("ratio", func(b *testing.B) {
		a, c := ours(b), theirs()
		var fast, slow time.Duration
		for b.Loop() {
			start := time.Now()
			for range 20 {
				a()
			}
			mid := time.Now()
			for range 20 {
				c()
			}
			fast, slow = fast+mid.Sub(start), slow+time.Since(mid)
		}
		b.ReportMetric(float64(slow)/float64(fast), "times-cheaper")
		b.ReportMetric(0, "ns/op")
	})
}
