package model

import "strings"

// Nearest gives the candidate that is most like a mistyped word, or "" when
// none is like it: at most a third of its letters differ.
func Nearest(word string, candidates []string) string {
	best, bestCost := "", 0
	w := []rune(strings.ToLower(word))
	if len(w) == 0 || len(w) > 200 {
		return ""
	}
	for _, c := range candidates {
		r := []rune(strings.ToLower(c))
		cost := distance(w, r)
		if strings.HasPrefix(string(r), string(w)) {
			cost = min(cost, 1)
		}
		if cost <= max(1, max(len(w), len(r))/3) && (best == "" || cost < bestCost) {
			best, bestCost = c, cost
		}
	}
	return best
}

// distance is the number of insertions, deletions, replacements and swaps of
// neighbours between two words.
func distance(a, b []rune) int {
	if len(b) > 200 {
		return len(b)
	}
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
