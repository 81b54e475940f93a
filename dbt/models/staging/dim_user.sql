select
    userId,
    firstName,
    lastName,
    gender,
    level,
    registration,
    first_seen,
    last_seen
from {{ source('silver', 'dim_user') }}
