// Package spelling guesses which known name a misspelled one stands for.
package spelling

// Nearest returns the known name that is fewest single-character edits away from word (Levenshtein distance), or "" when
// none is near enough to be a likely slip: more than a third of the word's length, and more than one edit.
func Nearest(word string, known []string) string {
	best, bestDistance := "", max(1, len(word)/3)+1
	for _, name := range known {
		if max(len(name)-len(word), len(word)-len(name)) >= bestDistance { // so many edits at least; a long word costs nothing
			continue
		}
		if d := distance(word, name); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}

func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substituted := diagonal
			if a[i] != b[j] {
				substituted++
			}
			diagonal = row[j+1]
			row[j+1] = min(row[j+1]+1, row[j]+1, substituted)
		}
	}
	return row[len(b)]
}
