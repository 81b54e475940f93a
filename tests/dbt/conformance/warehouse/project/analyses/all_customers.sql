select {{ toolbox.star(ref('customers')) }} from {{ ref('customers') }}
