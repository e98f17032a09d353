package proxy

import (
	"net/http"

	"stagedoor/internal/httperror"
	"stagedoor/proxy/policy"
)

// addCORS adds what a page of a listed origin needs in order to read the answer.
func addCORS(w *responseWriter, r *http.Request, rule policy.OriginRule) {
	if rule.ListsOrigins() {
		w.vary = append(w.vary, "Origin")
		w.own = append(w.own, rule.CORS(r)...)
	}
}

// answerPreflight answers an allowed preflight; the rule and addCORS have been applied.
func answerPreflight(w *responseWriter, r *http.Request, rule policy.OriginRule, methods []string) {
	w.vary = append(w.vary, policy.PreflightVary...)
	w.own = append(w.own, rule.Preflight(r, methods)...)
	w.WriteHeader(http.StatusNoContent)
}

func rejectForeign() error {
	return httperror.New(httperror.CrossOriginRefused,
		"Another site caused this request. Call from the gateway's own origin, or have yours listed in allowed_origins.", nil)
}

func rejectUnproven() error {
	return httperror.New(httperror.CrossOriginRefused,
		"Nothing tells where this request comes from. To change something, a script must send the header "+
			policy.ScriptHeader+": 1.", nil)
}
