select {{ kit.star(ref('shared'), ['b']) }} from {{ ref('shared') }}
