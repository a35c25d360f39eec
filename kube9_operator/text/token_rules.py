"""Secrets that say by their form what they are: keys and tokens of clouds and services, key files, webhooks. Data."""

from kube9_operator.text.rule import Rule


def _token(name: str, family: str, form: str, needs: str = "any", sign: str = "") -> Rule:
    return Rule(name, family, "{{BEGIN}}(" + form + ")", needs=needs, sign=sign, wraps=True)


TOKEN_RULES: tuple[Rule, ...] = (
    Rule("aws-key-id", "cloud", r"{{BEGIN}}((?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}){{END}}"),
    Rule("aws-key-id-cut", "cloud", r"{{BEGIN}}((?:AKIA|ASIA)[A-Z0-9]{4,15})(?:\z|\n)"),
    Rule("aws-key-id-wrapped", "cloud", r"{{BEGIN}}((?:AKIA|ASIA)[A-Z0-9]{2,15}\s{1,4}[A-Z0-9]{1,14}){{END}}", needs="aws"),
    Rule("aws-pair", "cloud", r"(?:AKIA|ASIA)[A-Z0-9]{16}[^A-Za-z0-9]{1,3}([A-Za-z0-9+/]{40})"),
    _token("aws-bedrock", "cloud", r"ABSK[A-Za-z0-9+/]{40,}={0,2}"),
    _token("aws-session", "cloud", r"(?:IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz|AQoDYXdz|AQoEXAMPLE)[A-Za-z0-9+/=%_-]{16,}"),
    _token("google-key", "cloud", r"AIza[A-Za-z0-9_-]{26,}"),
    _token("google-client-secret", "cloud", r"GOCSPX-[A-Za-z0-9_-]{16,}"),
    _token("google-access", "cloud", r"ya29\.[A-Za-z0-9._-]{16,}"),
    _token("google-refresh", "cloud", r"1//0[A-Za-z0-9_-]{20,}"),
    _token("google-hmac", "cloud", r"GOOG1?E?[A-Z0-9]{20,60}", "digit"),
    _token("azure-client-secret", "cloud", r"[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{16,}", sign="[0-9]Q~"),
    _token("alibaba-key-id", "cloud", r"(?:LTAI|TMP\.)[A-Za-z0-9]{12,}"),
    _token("tencent-key-id", "cloud", r"AKID[A-Za-z0-9]{16,}", "coded"),
    _token("digitalocean", "cloud", r"do[opr]_v1_[a-f0-9]{16,}"),
    _token("github", "forge", r"(?:gh[oprsu]_[A-Za-z0-9_]{16,}|github_pat_[A-Za-z0-9_]{16,})"),
    _token(
        "gitlab",
        "forge",
        r"(?:glpat|gldt|glrt|glrtr|glcbt|glptt|glft|glimt|glagent|gloas|glsoat|glffct|glwt)-[A-Za-z0-9_.=-]{12,}",
    ),
    _token("gitlab-runner", "forge", r"GR1348941[A-Za-z0-9_-]{16,}"),
    _token("bitbucket", "forge", r"(?:ATBB|BBDC-)[A-Za-z0-9+_=-]{16,}", "digit"),
    _token("gitea-sourcegraph", "forge", r"sg[pd]_(?:[a-f0-9]{16}_|local_)?[a-f0-9]{40}"),
    _token("atlassian", "service", r"AT(?:ATT|CTT|STT)3[A-Za-z0-9_=-]{16,}"),
    _token("slack", "service", r"(?:xox[a-z](?:\.xox[a-z])?|xapp)-[A-Za-z0-9-]{12,}"),
    _token("stripe", "service", r"(?:[srp]k_(?:live|test|prod)|whsec)_[A-Za-z0-9+/=]{10,}"),
    _token("npm", "service", r"npm_[A-Za-z0-9]{20,}"),
    _token("pypi", "service", r"pypi-[A-Za-z0-9_-]{16,}"),
    _token("rubygems", "service", r"rubygems_[a-f0-9]{16,}"),
    _token("crates-clojars-nuget", "service", r"(?:CLOJARS_[A-Za-z0-9]{30,}|cio[A-Za-z0-9]{32}|oy2[a-z0-9]{43})"),
    _token("openai", "service", r"sk-(?:[a-z]{2,8}-){0,2}[A-Za-z0-9_-]{20,}", "digit"),
    _token("anthropic", "service", r"sk-ant-[A-Za-z0-9_-]{16,}"),
    _token("hugging-face", "service", r"(?:hf|api_org)_[A-Za-z0-9]{20,}"),
    _token("ai-services", "service", r"(?:gsk_|r8_|pplx-|xai-|nvapi-|co_|tgp_v1_|sk-or-v1-|fw_)[A-Za-z0-9_-]{24,}", "digit"),
    _token("sendgrid", "service", r"SG\.[A-Za-z0-9_-]{12,}\.[A-Za-z0-9_-]{12,}"),
    _token("mail", "service", r"(?:xkeysib-[a-f0-9]{16,}|re_[A-Za-z0-9]{6,}_[A-Za-z0-9]{16,})"),
    _token("mailgun", "service", r"(?:pub)?key-[a-f0-9]{32}"),
    _token("twilio", "service", r"(?:SK|AC)[a-f0-9]{32}"),
    Rule("telegram", "service", r"(?:{{BEGIN}}|bot)([0-9]{6,12}:A[A-Za-z0-9_-]{30,})", wraps=True),
    _token("discord", "service", r"[MNO][A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{25,}"),
    _token("vault", "service", r"(?:hv[sbr]\.[A-Za-z0-9_-]{16,}|[sbr]\.[A-Za-z0-9]{24}|atlas\.[A-Za-z0-9]{24,})", "digit"),
    Rule("terraform-cloud", "service", r"(\.atlasv1\.[A-Za-z0-9_=-]{16,})", wraps=True),
    _token("grafana", "service", r"(?:glsa_[A-Za-z0-9]{16,}(?:_[a-fA-F0-9]{8})?|glc_[A-Za-z0-9+/=]{16,})"),
    _token("shopify", "service", r"shp(?:at|ca|pa|ss|ua|rt)_[A-Fa-f0-9]{16,}"),
    _token("new-relic", "service", r"(?:NRAK|NRAA|NRIQ|NRII|NRRA|NRJS|NRSP)-[A-Za-z0-9_-]{16,}"),
    _token("age", "service", r"AGE-SECRET-KEY-1[A-Z0-9]{16,}"),
    _token("databricks", "service", r"(?:dapi|dkea|dose)[a-f0-9]{32}(?:-[0-9]{1,2})?"),
    _token("docker-hub", "service", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{16,}"),
    _token("tailscale", "service", r"tskey-[a-z]+-[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"),
    _token("kubeadm", "kubernetes", r"[a-z0-9]{6}\.[a-z0-9]{16}{{END}}", "kubeadm", r"[a-z0-9]\.[a-z0-9]{16}{{END}}"),
    _token("openshift", "kubernetes", r"sha256~[A-Za-z0-9_-]{16,}"),
    _token("doppler", "service", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{16,}"),
    _token("dynatrace", "service", r"dt0[a-z][0-9]{2}\.[A-Z0-9]{16,}\.[A-Z0-9]{16,}"),
    _token("square", "service", r"(?:sq0[a-z]{3}-[A-Za-z0-9_-]{16,}|EAAA[A-Za-z0-9_-]{56,})"),
    _token("facebook", "service", r"EAA[A-Z][A-Za-z0-9]{60,}"),
    _token("planetscale", "service", r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{16,}"),
    _token("pulumi", "service", r"pul-[a-f0-9]{32,}"),
    _token("artifactory", "service", r"(?:AKCp[A-Za-z0-9]{16,}|cmVmd[A-Za-z0-9]{40,})"),
    _token("postman", "service", r"PMAK-[a-f0-9]{16,}(?:-[a-f0-9]{16,})?"),
    _token("fly-io", "service", r"(?:fo1_|fm1[ar]?_|fm2_)[A-Za-z0-9+/=_-]{30,}"),
    _token("linear", "service", r"lin_(?:api|oauth)_[A-Za-z0-9]{16,}"),
    _token("figma", "service", r"fig[duo]r?_[A-Za-z0-9_-]{30,}"),
    _token("notion", "service", r"(?:ntn_|secret_)[A-Za-z0-9]{30,}", "digit"),
    _token("airtable", "service", r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}"),
    _token(
        "underscored",
        "service",
        r"(?:sntrys|sntryu|lip|dnkey|pnu|ops|exp|rdme|rpa|sbp|supabase|cfut|cfat|vcp|vck|figu|nfp|dvc|duffel_live|frm|nvapi|"
        r"pat_na1|flwseck_test|prct|apify_api|phx|phc|wakatime|waka|sq0|ddp|ddw|zapier|scale|patA|trl|ATTA|ghapi|hcaptcha|"
        r"whsk|sgat|pk_prod|cplt|akm|rnd|hvsec|tk|usr|shpca|sst|mdb_sa_sk|doppler|snyk|sonar|squ|sqp|sqa|kaggle|sdk|mob)"
        r"_[A-Za-z0-9+/=_-]{28,}",
        "coded",
    ),
    _token(
        "sonar-hyphened",
        "service",
        r"(?:EZAK|EZTK|p8e-|fio-u-|api-|ico-|shippo_live_|MLY\||NRBR-|dt0s16\.)[A-Za-z0-9|_-]{32,}",
        "coded",
    ),
    Rule("sentry", "url", r"https?://([a-f0-9]{32}(?::[a-f0-9]{32})?)@"),
    # Webhooks: whoever knows the address may post.
    Rule("webhook-slack", "webhook", r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/([A-Za-z0-9_/-]{8,})"),
    Rule("webhook-discord", "webhook", r"discord(?:app)?\.com/api/(?:v[0-9]+/)?webhooks/([0-9]{6,}/[A-Za-z0-9_-]{8,})"),
    Rule("webhook-teams", "webhook", r"(?:webhook\.office|outlook\.office(?:365)?)\.com/webhook(?:b2)?/([A-Za-z0-9@/_-]{16,})"),
    Rule(
        "webhook-other",
        "webhook",
        r"(?:/open-apis/bot/v2/hook|hooks\.zapier\.com/hooks/catch|maker\.ifttt\.com/trigger/[^/\s]{1,64}/with/key|"
        r"events\.pagerduty\.com/integration|api\.opsgenie\.com/v[0-9]/json/[a-z]+|/api/webhooks/incoming|"
        r"hook\.(?:eu[0-9]?\.|us[0-9]?\.)?make\.com|hooks\.chime\.aws/incomingwebhooks|api\.day\.app|"
        r"alert\.victorops\.com/integrations/generic/[0-9]+/alert|webhook\.site)/([A-Za-z0-9?=/_-]{8,})",
    ),
    Rule("webhook-path", "webhook", r"/hooks/([A-Za-z0-9]{10,30}(?:/[A-Za-z0-9]{20,})?)", needs="opaque"),
    # Keys in their files' forms. A block that is cut has no end.
    Rule(
        "pem",
        "key file",
        r"(-----BEGIN[A-Z0-9 ]{0,40} ?PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=\s,:\\.]|-[A-Za-z0-9])*"
        r"(?:-{1,5}END[A-Z0-9 ]{0,40}-{0,5})?)",
    ),
    Rule("pem-marks", "key file", r"(-{2,5} ?BEGIN[A-Z0-9 _]{0,40}PRIVATE[ _]KEY[ _A-Z]{0,8}-{0,5}[A-Za-z0-9+/=\s\\]*)"),
    Rule(
        "pem-end",
        "key file",
        r"((?:[A-Za-z0-9+/=]{4,}(?:\s|\\[nr]){1,4}){1,100}|[A-Za-z0-9+/=]{16,})-----END[A-Z0-9 ]{0,40} ?PRIVATE KEY",
        sign=r"-----END[A-Z0-9 ]{0,40} ?PRIVATE KEY",
    ),
    _token(
        "der",
        "key file",
        r"(?:MII[A-Za-z0-9+/]{3}IBADANBgkqhkiG9w0BAQEFAASC|MII[A-Za-z0-9+/]{4}BAAKC|MI[GH][A-Za-z0-9+/]{1,3}AgEAMBMGByqGSM49|"
        r"MC4CAQAwBQYDK2Vw|M[HI][A-Za-z0-9+/]{1,3}C?AQEE|MIG[A-Za-z0-9+/]{1,2}AgEBBD|b3BlbnNzaC1rZXktdjE)[A-Za-z0-9+/]{8,}={0,2}",
    ),
    _token("putty", "key file", r"(?s)PuTTY-User-Key-File-[0-9]:.*"),
    _token("jwt", "encoded", r"ey[JK][A-Za-z0-9_+/=-]{8,}(?:\.[A-Za-z0-9_+/=.-]*)?"),
    Rule("jwt-inner", "encoded", r"(ey[JK][A-Za-z0-9_+/=-]{4,}\.eyJ[A-Za-z0-9_+/=.-]*)", wraps=True),
    Rule("base64", "encoded", r"{{BEGIN}}(){{ASCII64}}{4}", take="base64", needs="any"),
    Rule(
        "crypt",
        "hash",
        r"(\$(?:apr1|1|2[abxy]?|5|6|7|y|gy|sha1|md5|argon2[a-z]{1,2}|scrypt|pbkdf2[a-z0-9-]*)\$[^\s:\"',]{16,})",
    ),
    Rule("ldap-hash", "hash", r"(\{(?:S?SHA[0-9]{0,3}|S?MD5|CRYPT|PBKDF2[A-Z0-9-]*)\}[A-Za-z0-9+/=$.]{16,})"),
)
