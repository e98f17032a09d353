package attack

import (
	"net/url"
	"strings"
)

// returnOpenings are what a browser, or a server that decodes once too often, could take for the beginning of another
// place. What they are put before is in returnPlaces.
var returnOpenings = []string{
	"//", "///", "////", `/\`, `\/`, `\\`, `/\/`, `//\`, `\`, "/\t/", "/\n/", "/\r/", "/\r\n/", "\t//", "\n//", " //",
	"\x00//", "\x0b//", "\x1f//", "\u00a0//", "\u2028//", "\ufeff//", "/\x00/", "/%09/", "/%0a/", "/%0d%0a/", "/%00/",
	"/%2f", "/%2F%2f", "%2f%2f", "/%5c", "/%5C%5c", "/%252f", "/%255c", "/%25252f", "/.//", "/..//", "/./\\",
	"/%2e//", "/%2e%2e//", "/.%2E//", "/a/..//", "/a/../..//", "/a/%2e%2e//", "/;//", "/?//", "/#//", "/?url=//",
	"/\u2215", "/\u2044", "/\uff0f", "\uff0f\uff0f", "/\uff3c", "/%ef%bc%8f", "//%09/", "http://", "https://",
	"HTTPS://", "http:", "https:", "http:/", "https:///", `http:\\`, "ht\ttp://", "https\n://", "\x01https://",
	" https://", "ftp://", "ws://", "blob:https://", "view-source:https://", "feed:https://", "https%3a//",
	"https%3A%2F%2F", "/https://",
}

// returnPlaces are hosts as the attacker owns them, or as they hide.
var returnPlaces = []string{
	"evil.example", "127.0.0.1:80@evil.example/x?y#z", "@evil.example/%2f..", "\uff45vil\u3002example",
	"[::ffff:c000:0201]",
}

// returnSingles are the values that are no product of the two.
var returnSingles = []string{
	"javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "java\tscript:alert(1)",
	"\x01javascript:alert(1)", "javascript://%0aalert(1)", "javascript://127.0.0.1/%0aalert(1)",
	"javascript%3aalert(1)", "/javascript:alert(1)", "javascript:/auth/session",
	"data:text/html,<script>alert(1)</script>", "data:text/html;base64,PHNjcmlwdD4=", "data:,//evil.example",
	"DATA:text/html,x", "blob:null/7e0b9a", "blob:http://127.0.0.1/7e0b9a", "vbscript:x", "about:blank",
	"about:srcdoc", "file:///etc/passwd", "mailto:a@evil.example", "intent://evil.example#Intent;scheme=https;end",
	"spotify:track:1", "filesystem:http://evil.example/", "ws:evil.example", "://evil.example", "", " ", ".", "..",
	"./", "../", "../..//evil.example", "a", "?a", "#a", "@evil.example", "evil.example", "www.evil.example", ":80",
	":@", "*", "null", "undefined", "%", "/%", "/%2", "/%zz", "/%u002f", "/%%32%66", "%00", "/\x7f", "/\x1b[31m",
	"/\xff", "/\xc0\xafevil.example", "/\xe0\x80\xafevil.example", "/\xed\xa0\x80", "/\u202e//elpmaxe.live",
	"/\u0000", "/\u0085/evil.example", "/a\r\nSet-Cookie: stagedoor=evil", "/a\r\nLocation: https://evil.example",
	"/a\nRefresh: 0;url=//evil.example", "/a\r\n\r\n<script>alert(1)</script>", "/%0d%0aSet-Cookie:a=b",
	"/\"><script>alert(1)</script>", "/';location='//evil.example",
	"/<meta http-equiv=refresh content=0;//evil.example>", "/" + strings.Repeat("a", 3000),
	"//" + strings.Repeat("a", 3000) + ".evil.example", "/" + strings.Repeat("../", 500) + "/evil.example",
	"/" + strings.Repeat("%2e%2e/", 250) + "/evil.example", strings.Repeat("/", 1000) + "evil.example",
	"/" + strings.Repeat("\\", 1000), "/" + strings.Repeat("\u2215", 300) + "evil.example",
	"/a?" + strings.Repeat("x=//evil.example&", 100), "/?return_to=//evil.example", "/?next=https://evil.example",
	"/#//evil.example", "/#javascript:alert(1)", "/a;//evil.example", "/auth/login", "/auth/login/",
	"/auth/login?return_to=/auth/login", "/auth/login#a", "/auth/login?", "/auth/callback", "/auth/callback/",
	"/auth/callback?code=a&state=b", "/auth/callback#access_token=a", "/auth//login", "/auth/./login",
	"/auth/x/../login", "/x/../auth/login", "/./auth/login", "/../auth/login", "/..//auth/login", "/.//auth/login",
	"//auth/login", "/%61uth/login", "/auth/%6cogin", "/auth%2flogin", "/auth/%2e/login", "/x/%2e%2e/auth/login",
	"/x/.%2e/auth/callback", "/x%2f..%2fauth/login", "/auth\\login", "/auth/login\\..\\login", "/auth/login%00",
	"/auth/login%20", "/auth/login%09", "/auth/login;a=b", "/auth/login;", "/AUTH/login", "/auth/LOGIN",
	"/Auth/Login", "/auth/login%2f", "/auth/login/.", "/auth/login/x/..", "/auth/login/%2e", "/auth/%256cogin",
	"/auth/login%252f", "/auth/lo\tgin", "/auth/callback/../login", "/auth/login?scope=streaming", "/auth/logout",
	"/auth/logout?everywhere=true", "/auth/connect?ticket=x", "/auth/connect", "/auth/session", "/auth/sessions",
	"/auth/token", "/auth/fragment", "/auth/verify", "/auth", "/auth/", "/auth/..", "/api/me",
	"/api/me?access_token=x", "/api/../api/me", "/x/../api/me", "/api/me/player/next", "/api//evil.example",
	"/api/%2e%2e/x",
}

// hostileReturns are the return_to values of the attacks, as a server reads them out of the query.
func hostileReturns() []string {
	values := append([]string{}, returnSingles...)
	for _, opening := range returnOpenings {
		for _, place := range returnPlaces {
			values = append(values, opening+place)
		}
	}
	for _, value := range []string{"//evil.example", `/\evil.example`, "https://evil.example", "javascript:alert(1)",
		"/\t/evil.example"} {
		once := url.QueryEscape(value) // for who decodes once too often
		values = append(values, once, url.QueryEscape(once), "/"+once, "/"+url.QueryEscape(once), url.PathEscape(value))
	}
	return values
}
