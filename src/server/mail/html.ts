// HTML of the emails.
/** Texts of an email, used for both its HTML and its plain text. */
export interface MailWords {
  readonly language: string;
  /** Name of the service in the emails. */
  readonly service: string;
  readonly heading: string;
  readonly paragraphs: readonly string[];
  readonly code?: MailCode;
  readonly remarks: readonly { readonly heading: string; readonly text: string }[];
}

/** The code of an email, in a box of its own. */
export interface MailCode {
  readonly text: string;
  /** The sentence below the box. */
  readonly validity: string;
}

const SANS = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
const MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace";

const MARK =
  '<span aria-hidden="true" style="display:inline-block;width:10px;height:10px;margin-right:8px;border-radius:3px;background:#3b6fd4"></span>';

const STYLE = `:root { color-scheme: light dark; supported-color-schemes: light dark; }
@media (prefers-color-scheme: dark) {
  .page { background: #11151b !important; }
  .card { background: #1a2029 !important; border-color: #2c3541 !important; }
  .code { background: #11151b !important; border-color: #3a4656 !important; color: #ffffff !important; }
  .ink { color: #eef2f6 !important; }
  .soft { color: #a9b4c1 !important; }
  .line { border-color: #2c3541 !important; }
}
`;

/**
 * Returns the HTML of an email: one column of tables with inline styles, which all mail readers display, without images
 * and external resources. Only the dark colors need the style sheet; a reader that removes it shows the light ones.
 */
export function mailHtml(words: MailWords, title: string): string {
  const service = escapeHtml(words.service);
  const paragraphs = words.paragraphs.map((text) => paragraph(escapeHtml(text), 'margin:0 0 12px')).join('\n');
  const remarks = words.remarks
    .map(({ heading, text }) => {
      const strong = `<strong class="ink" style="color:#16202c;font-weight:600">${escapeHtml(heading)}</strong>`;
      return `<p class="soft" style="margin:0 0 12px;font-size:14px;line-height:21px;color:#55616f">${strong}<br>${escapeHtml(text)}</p>`;
    })
    .join('\n');

  return `<!doctype html>
<html lang="${words.language}" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no">
<title>${escapeHtml(title)}</title>
<style>
${STYLE}</style>
</head>
<body class="page" style="margin:0;padding:0;background:#f2f4f7;-webkit-text-size-adjust:100%">
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" style="background:#f2f4f7">
<tr><td align="center" style="padding:32px 16px 48px">
<table role="presentation" width="520" cellpadding="0" cellspacing="0" border="0" style="width:100%;max-width:520px">
<tr><td class="soft" style="padding:0 4px 16px;font-family:${SANS};font-size:15px;line-height:20px;font-weight:600;color:#55616f">${MARK}${service}</td></tr>
<tr><td class="card" style="padding:32px 32px 20px;background:#ffffff;border:1px solid #dfe4ea;border-radius:12px;font-family:${SANS};word-break:break-word">
<h1 class="ink" style="margin:0 0 20px;font-size:24px;line-height:30px;font-weight:700;color:#16202c">${escapeHtml(words.heading)}</h1>
${paragraphs}
${words.code ? codeBox(words.code) : ''}<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:24px 0 0">
<tr><td class="line" style="padding:20px 0 0;border-top:1px solid #dfe4ea">
${remarks}
</td></tr>
</table>
</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
`;
}

function codeBox({ text, validity }: MailCode): string {
  return `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:24px 0 12px">
<tr><td class="code" align="center" style="padding:20px 0 20px 8px;background:#f2f4f7;border:1px solid #dfe4ea;border-radius:8px;font-family:${MONO};font-size:34px;line-height:40px;font-weight:700;letter-spacing:8px;white-space:nowrap;color:#16202c">${escapeHtml(text)}</td></tr>
</table>
<p class="soft" style="margin:0;font-size:14px;line-height:21px;color:#55616f">${escapeHtml(validity)}</p>
`;
}

function paragraph(html: string, style: string): string {
  return `<p class="ink" style="${style};font-size:16px;line-height:24px;color:#16202c">${html}</p>`;
}

/** Escapes text between tags and in quoted attributes. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
