// Calls of the endpoints through this page's server, and the same calls as a user would make them.

export const JSON_TYPE = 'application/json';

/** POST /invocations of a side: {status, type, text, milliseconds}; status 0: no answer. */
export async function invoke(side, body, type = JSON_TYPE) {
  const sent = await fetch(`/${side}/invocations`, {method: 'POST', body, headers: {'Content-Type': type}});
  const text = await sent.text();
  if (!sent.ok) return {status: sent.status, type: '', text, milliseconds: 0};
  return {
    status: Number(sent.headers.get('X-Answer-Status')),
    type: sent.headers.get('X-Answer-Type') || '',
    text,
    milliseconds: Number(sent.headers.get('X-Answer-Milliseconds')),
  };
}

/** [token, index, has a vector, is seen] of each token of a sentence; null: not known. */
export async function tokens(side, sentence) {
  const sent = await fetch(`/${side}/tokens`, {method: 'POST', body: JSON.stringify({q: sentence})});
  return sent.ok ? sent.json() : null;
}

const PROBABILITY = ['prob', 'probability', 'score'];

function ranking(value) {
  if (!Array.isArray(value) || !value.length) return null;
  const entries = value.map((each) => {
    const name = PROBABILITY.find((key) => each && typeof each === 'object' && key in each);
    return name && 'label' in each ? {label: String(each.label), prob: each[name] === null ? null : Number(each[name])} : null;
  });
  return entries.every(Boolean) ? entries : null;
}

/** Rankings in an answer's text: [{labels, tokens}], one a sentence; null: something else. */
export function rankings(text) {
  let value;
  try { value = JSON.parse(text); } catch { return null; }
  const one = (each) => {
    const labels = ranking(each && !Array.isArray(each) ? each.labels : each);
    return labels && {labels, tokens: each.tokens};
  };
  const single = one(value);
  if (single) return [single];
  if (!Array.isArray(value)) return null;
  const several = value.map(one);
  return several.length && several.every(Boolean) ? several : null;
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** The call for a shell: curl here, the AWS CLI where credentials are needed. */
export function asCommand(about, url, body, type) {
  if (url) return `curl ${url} \\\n  -H ${quoted(`Content-Type: ${type}`)} \\\n  --data-binary ${quoted(body)}`;
  const elsewhere = about.emulator ? ` --endpoint-url ${about.emulator}` : '';
  return `aws sagemaker-runtime invoke-endpoint${elsewhere} \\\n  --endpoint-name ${about.endpoint} --region ${about.region} \\\n`
    + `  --content-type ${quoted(type)} --cli-binary-format raw-in-base64-out \\\n  --body ${quoted(body)} /dev/stdout`;
}

/** The call as the article makes it. */
export function asBoto3(about, body, type, sentence) {
  const name = about.endpoint || '<endpoint>';
  const region = (about.region ? `, region_name='${about.region}'` : '')
    + (about.emulator ? `, endpoint_url='${about.emulator}'` : '');
  const content = sentence === null
    ? `${JSON.stringify(body)}.encode()`
    : `json.dumps(${python(JSON.parse(body))}).encode()`;
  return `import json\n\nimport boto3\n\nclient = boto3.client('sagemaker-runtime'${region})\n`
    + `response = client.invoke_endpoint(\n    EndpointName='${name}',\n    ContentType='${type}',\n`
    + `    Body=${content},\n)\nprint(json.loads(response['Body'].read()))`;
}

function python(value) {
  const shown = (each) => (each === true ? 'True' : each === false ? 'False' : JSON.stringify(each));
  return `{${Object.entries(value).map(([key, each]) => `'${key}': ${shown(each)}`).join(', ')}}`;
}
