package metrics

import (
	"os"
	"slices"
	"strings"
	"testing"

	"stagedoor/internal/outcome"
)

// TestReadme checks that the table of metrics in docs/watching.md names every metric, and every value of a label of package outcome.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../docs/watching.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "| metric, after `stagedoor_` |")
	if !found {
		t.Fatal("docs/watching.md has no table of metrics")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Split(table, "\n")
	row := func(name string) string {
		i := slices.IndexFunc(rows, func(row string) bool {
			return strings.Contains(row, "`"+name+"`") || strings.Contains(row, "`"+name+"{")
		})
		if i < 0 {
			t.Errorf("docs/watching.md does not name %s", name)
			return ""
		}
		return rows[i]
	}
	m := New("", "")
	m.LogQueue(func() int { return 0 }, func() int { return 0 })
	m.AddInFlight(func() (now, limit int64) { return 0, 0 })
	m.AddQuota(func() Quota { return Quota{} })
	for _, value := range outcome.All[outcome.Operation]() {
		m.Store(value)
	}
	m.Requests("/")
	m.Upstream("/")
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		name := strings.TrimPrefix(family.GetName(), namespace+"_")
		text := row(name)
		for _, sample := range family.GetMetric() {
			for _, label := range sample.GetLabel() {
				counted := slices.Contains([]string{"result", "cause", "from", "event", "operation", "reason", "part"}, label.GetName())
				if counted && !strings.Contains(text, "`"+label.GetValue()+"`") {
					t.Errorf("docs/watching.md does not name %s of %s", label.GetValue(), name)
				}
			}
		}
	}
}

// TestTexts checks that every value has a text of its own.
func TestTexts(t *testing.T) {
	texts := map[string][]string{
		"logins": textsOf[outcome.Login](), "logouts": textsOf[outcome.Logout](), "refreshes": textsOf[outcome.Refresh](),
		"replays": textsOf[outcome.Replay](), "answers": textsOf[outcome.Answer](), "polls": textsOf[outcome.Poll](),
		"events": textsOf[outcome.Event](), "reloads": textsOf[outcome.Reload](), "operations": textsOf[outcome.Operation](),
		"limits": textsOf[outcome.Limit](), "ends": textsOf[outcome.End](),
	}
	for name, all := range texts {
		slices.Sort(all)
		if len(slices.Compact(all)) != len(all) || len(all) == 0 || all[0] == "" {
			t.Errorf("the %s are %q", name, all)
		}
	}
	last := outcome.LoginUnavailable.String() + outcome.LogoutUnavailable.String() + outcome.RefreshLost.String() +
		outcome.ReplaySpurious.String() + outcome.AnswerRefused.String() + outcome.PollEnded.String() +
		outcome.EventReplaced.String() + outcome.ReloadRefused.String() + outcome.Bulk.String() +
		outcome.LimitMaintenance.String() + outcome.EndTooMany.String()
	if want := "unavailable" + "unavailable" + "lost" + "spurious" + "refused" + "ended" + "replaced" + "refused" + "bulk" + "MAINTENANCE" +
		"too_many"; last != want {
		t.Errorf("the last values are %s", last)
	}
}

func textsOf[V outcome.Value]() []string {
	var texts []string
	for _, value := range outcome.All[V]() {
		texts = append(texts, value.String())
	}
	return texts
}
